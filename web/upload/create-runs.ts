import type { Queue } from './open-queue.ts';
import { createRate, type Rate } from './rate.ts';
import { isPassing, readProblem } from './read-problem.ts';
import type { UploadNotes, UploadProblem } from './upload-item.ts';

/** What is being sent just now. */
export interface Runs {
  /** Sends a file, or goes on with it. */
  start(id: string): void;
  pause(id: string): void;
  isRunning(id: string): boolean;
  notesOn(id: string): UploadNotes;
}

export interface RunsOptions {
  readonly onChange: () => void;
  readonly onProblem: (id: string, problem: UploadProblem) => void;
}

export const createRuns = (queue: Queue, { onChange, onProblem }: RunsOptions): Runs => {
  const running = new Map<string, Rate>();
  const retrying = new Set<string>();

  /** The way of `tus-js-client` to ask whether a failure is worth another try, which comes after the next of its delays. */
  const retry =
    (id: string) =>
    (error: { readonly originalResponse: { getStatus(): number } | null }): boolean => {
      if (!isPassing(error.originalResponse?.getStatus())) return false;
      retrying.add(id);
      onChange();
      return true;
    };

  const begin = (id: string): void => {
    const file = queue.getFile(id);
    if (!file || file.isRemote) return;
    running.set(id, createRate());
    const tus = { ...file.tus, onShouldRetry: retry(id) };
    queue.setFileState(id, { tus, meta: { ...file.meta, problem: null } });
    // Uppy's way to send one file; its `upload` would take along all that have failed.
    queue.retryUpload(id).catch(() => undefined);
  };
  const ended = (id: string): void => {
    running.delete(id);
    retrying.delete(id);
  };

  queue.on('upload-progress', (file, { bytesUploaded }) => {
    if (!file) return;
    retrying.delete(file.id);
    running.get(file.id)?.record(bytesUploaded, performance.now());
  });
  queue.on('upload-success', (file) => file && ended(file.id));
  queue.on('file-removed', ({ id }) => ended(id));
  queue.on('upload-error', (failed, _error, response) => {
    const file = failed && queue.getFile(failed.id);
    if (!file) return;
    ended(file.id);
    const problem = readProblem(response?.status, response?.body?.xhr.responseText);
    queue.setFileState(file.id, { error: problem.message, meta: { ...file.meta, problem } });
    onProblem(file.id, problem);
  });

  return {
    start: (id) => {
      if (!running.has(id)) begin(id);
      else if (queue.getFile(id)?.isPaused) queue.pauseResume(id);
    },
    pause: (id) => {
      if (running.has(id) && !queue.getFile(id)?.isPaused) queue.pauseResume(id);
    },
    isRunning: (id) => running.has(id),
    notesOn: (id) => ({
      isRunning: running.has(id),
      isRetrying: retrying.has(id),
      bytesPerSecond: running.get(id)?.bytesPerSecond(performance.now()) ?? null,
    }),
  };
};
