import type { Queue } from './open-queue.ts';
import { toUploadItem, type UploadItem, type UploadNotes } from './upload-item.ts';

/** The queue as React reads it. */
export interface View {
  /** The same object until something changes. */
  items(): readonly UploadItem[];
  subscribe(listener: () => void): () => void;
  /** Says that a note on a file has changed. */
  changed(): void;
}

/** What Uppy tells of often is shown so often. */
const SHOW_EVERY_MS = 120;

export const createView = (queue: Queue, notesOn: (id: string) => UploadNotes): View => {
  const listeners = new Set<() => void>();
  const read = (): readonly UploadItem[] =>
    queue.getFiles().map((file) => toUploadItem(file, notesOn(file.id)));
  let shown = read();
  let timer: number | undefined;
  const changed = (): void => {
    if (timer !== undefined) return;
    timer = window.setTimeout(() => {
      timer = undefined;
      shown = read();
      for (const listener of listeners) listener();
    }, SHOW_EVERY_MS);
  };
  queue.on('state-update', changed);
  return {
    items: () => shown,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    changed,
  };
};
