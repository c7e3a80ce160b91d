import { Uppy } from '@uppy/core';
import GoldenRetriever, { type GoldenRetrieverOptions } from '@uppy/golden-retriever';
import Tus from '@uppy/tus';
import type { QueuedFile, UploadBody, UploadMeta } from './upload-item.ts';

export type Queue = Uppy<UploadMeta, UploadBody>;

export interface QueueOptions {
  /** Whose uploads these are; another user of this browser gets none of them back. */
  readonly owner: string;
  /** Of `/v1/tus`. */
  readonly endpoint: string;
  /** One that is good now. */
  readonly token: () => Promise<string>;
}

/** Of the six connections that a browser opens to one server, events and what the user does need the others. */
const AT_ONCE = 3;
/** Some ten minutes without any progress, which a gateway that is replaced does not take. */
const RETRY_DELAYS_MS = [0, 500, 1_000, 2_000, 4_000, 8_000, 15_000, ...Array<number>(20).fill(30_000)];
/**
 * What the browser is asked to keep, so that a reload costs nothing. It has the last word: where it refuses, the user is asked
 * for the file again.
 */
const KEPT = { maxFileSize: 2 * 2 ** 30, maxTotalSize: 4 * 2 ** 30 };

/** The files to send, without any that are left of an earlier page; those come with `recall`. */
export const openQueue = ({ owner, endpoint, token }: QueueOptions): Queue =>
  new Uppy<UploadMeta, UploadBody>({
    id: `waybill-${owner}`,
    // What goes wrong is shown with the file.
    logger: { debug: ignore, warn: ignore, error: ignore },
    // What has ended may be chosen again; what is on its way may not.
    onBeforeFileAdded: (file, files) => isOver(files[file.id]),
  }).use(Tus, {
    endpoint,
    limit: AT_ONCE,
    retryDelays: RETRY_DELAYS_MS,
    removeFingerprintOnSuccess: true,
    allowedMetaFields: ['name', 'type', 'purpose', 'provider'],
    // Asked for each time, since a long upload outlives a token.
    onBeforeRequest: async (request) => request.setHeader('Authorization', `Bearer ${await token()}`),
  });

/**
 * Brings back what an earlier page of this tab left, and keeps what is added from now on in this browser, for a day. Resolves
 * once all is back. Only one tab at a time does so, or two would send the same file.
 */
export const recall = async (queue: Queue): Promise<void> => {
  if (!(await isAlone(queue.getID()))) return;
  const options: GoldenRetrieverOptions & { indexedDB: typeof KEPT } = { indexedDB: KEPT };
  await new Promise<void>((resolve) => {
    queue.once('restored', () => resolve());
    // It does not say so where there is nothing to bring back.
    setTimeout(resolve, RECALL_MS);
    queue.use(GoldenRetriever, options);
  });
};

const RECALL_MS = 800;
/** The page before this one may still be closing. */
const LOCK_MS = 5_000;

/** Takes the lock that tells the tabs of a user apart, until the page closes. */
const isAlone = async (name: string): Promise<boolean> => {
  // Only pages from https or from this machine have it.
  if (!('locks' in navigator)) return true;
  return new Promise((resolve) => {
    const held = (): Promise<never> => {
      resolve(true);
      return new Promise(() => undefined);
    };
    navigator.locks.request(name, { signal: AbortSignal.timeout(LOCK_MS) }, held).catch(() => resolve(false));
  });
};

const ignore = (): undefined => undefined;

const isOver = (file: QueuedFile | undefined): boolean =>
  file === undefined || file.isGhost || Boolean(file.error) || file.progress.uploadComplete === true;
