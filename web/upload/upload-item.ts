import type { UppyFile } from '@uppy/core';

/** Why an upload ended, in the gateway's words; without a status there was no answer. */
export interface UploadProblem {
  readonly status: number | null;
  readonly code: string;
  readonly message: string;
  /** The file that stayed all the same. */
  readonly fileId: string | null;
}

/** What is kept with each file; the first two are sent. */
export type UploadMeta = {
  provider: string;
  purpose: string;
  problem: UploadProblem | null;
};

export type UploadBody = { readonly xhr: XMLHttpRequest };
export type QueuedFile = UppyFile<UploadMeta, UploadBody>;

/**
 * `chosen` is not sent before the user says so; `waiting` has its turn later; `retrying` goes on by itself; `lost` needs
 * the same file from the user once more, since the browser did not keep its bytes.
 */
export type UploadState =
  | 'chosen'
  | 'waiting'
  | 'sending'
  | 'paused'
  | 'retrying'
  | 'failed'
  | 'lost'
  | 'done';

/** One file of the queue, as it is shown. */
export interface UploadItem {
  readonly id: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly state: UploadState;
  readonly sentBytes: number;
  readonly bytesPerSecond: number | null;
  readonly problem: UploadProblem | null;
  /** At the gateway, once it has one. */
  readonly fileId: string | null;
  readonly provider: string;
}

/** What is known of a file beyond what Uppy keeps. */
export interface UploadNotes {
  readonly isRunning: boolean;
  readonly isRetrying: boolean;
  readonly bytesPerSecond: number | null;
}

export const toUploadItem = (file: QueuedFile, notes: UploadNotes): UploadItem => {
  const { progress, meta, size } = file;
  const sentBytes = progress.bytesUploaded === false ? 0 : progress.bytesUploaded;
  const isDone = progress.uploadComplete === true;
  return {
    id: file.id,
    name: file.name,
    sizeBytes: size ?? 0,
    state: isDone ? 'done' : stateOf(file, notes),
    sentBytes: isDone ? (size ?? 0) : sentBytes,
    bytesPerSecond: notes.bytesPerSecond,
    problem: file.error ? (meta.problem ?? noAnswer(file.error)) : null,
    fileId: idIn(uploadUrlOf(file)),
    provider: meta.provider,
  };
};

/** Where the upload is at the gateway, for as long as it lasts. */
export const uploadUrlOf = (file: QueuedFile): string | null =>
  file.uploadURL ?? (file.isRemote ? null : (file.tus?.uploadUrl ?? null));

const stateOf = (file: QueuedFile, { isRunning, isRetrying }: UploadNotes): UploadState => {
  if (file.isGhost) return 'lost';
  if (file.error) return 'failed';
  if (file.isPaused === true) return 'paused';
  if (!isRunning) return file.progress.uploadStarted ? 'paused' : 'chosen';
  if (isRetrying) return 'retrying';
  return uploadUrlOf(file) === null ? 'waiting' : 'sending';
};

const idIn = (url: string | null): string | null => url?.split('/').at(-1) ?? null;

const noAnswer = (message: string): UploadProblem => ({
  status: null,
  code: 'connection_lost',
  message,
  fileId: null,
});
