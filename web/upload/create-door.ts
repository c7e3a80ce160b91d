import { getSafeFileId } from '@uppy/core/utils';
import type { Runs } from './create-runs.ts';
import type { Uploads } from './create-uploads.ts';
import type { Queue } from './open-queue.ts';
import { type QueuedFile, uploadUrlOf } from './upload-item.ts';

export interface DoorOptions {
  /** Settles once what an earlier page left is back. */
  readonly recalled: Promise<void>;
  readonly token: () => Promise<string>;
  /** Of `/v1/tus`. */
  readonly endpoint: string;
}

/** The way into the queue and out of it. */
export const createDoor = (
  queue: Queue,
  runs: Runs,
  { recalled, token, endpoint }: DoorOptions,
): Pick<Uploads, 'add' | 'restore' | 'reconsider' | 'remove'> => ({
  add: async (files) => {
    // What comes back takes the place of all that is there.
    await recalled;
    const refused: string[] = [];
    for (const file of files) {
      try {
        const id = queue.addFile(describe(file, pathOf(file)));
        // It was lost, and is back.
        if (queue.getFile(id).progress.uploadStarted !== null) runs.start(id);
      } catch {
        refused.push(file.name);
      }
    }
    return refused;
  },
  restore: (id, file) => {
    const path = queue.getFile(id).meta.relativePath ?? null;
    const described = describe(file, path);
    if (getSafeFileId({ ...described, isRemote: false }, queue.getID()) !== id) return false;
    queue.addFile(described);
    runs.start(id);
    return true;
  },
  reconsider: (id) => {
    const { data } = queue.getFile(id);
    if (!(data instanceof Blob)) return;
    const described = describe(named(queue.getFile(id), data), queue.getFile(id).meta.relativePath ?? null);
    queue.removeFile(id);
    queue.addFile(described);
  },
  remove: (id) => {
    const file = queue.getFile(id);
    const url = uploadUrlOf(file);
    // Uppy itself gives up only what it is sending.
    if (url !== null && !runs.isRunning(id) && !file.progress.uploadComplete && !file.error) {
      void token().then((good) => giveUp(new URL(url, endpoint), good));
    }
    queue.removeFile(id);
  },
});

/** As it was chosen; what the browser gave back after a reload may have lost its name. */
const named = ({ name, type }: QueuedFile, data: Blob): File =>
  data instanceof File ? data : new File([data], name, { type });

/** A file of a folder is told from one of the same name in another by where it lies. */
const describe = (file: File, path: string | null) => ({
  name: file.name,
  type: file.type,
  data: file,
  source: 'console',
  meta: {
    provider: 'auto',
    purpose: 'user_data',
    problem: null,
    ...(path === null ? {} : { relativePath: path }),
  },
});

const pathOf = (file: File & { readonly relativePath?: string | null }): string | null =>
  file.webkitRelativePath || file.relativePath || null;

/** Best effort: the gateway forgets it after a day by itself. */
const giveUp = async (url: URL, token: string): Promise<void> => {
  const headers = { authorization: `Bearer ${token}`, 'tus-resumable': '1.0.0' };
  await fetch(url, { method: 'DELETE', headers }).catch(() => undefined);
};
