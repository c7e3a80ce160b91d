import { randomUUID } from 'node:crypto';
import type { AnswerShape, Json } from './answer-shape.ts';
import type { Call } from './dialect.ts';
import type { StoredFile } from './file-shelf.ts';
import { pageTokenAfter } from './gemini-list.ts';

/** Purpose under which the shelf keeps a file that the API made, which alone can be downloaded. */
export const GENERATED = 'GENERATED';

/** How much of a file's processing is over, and in which of the ways found in sources its hash is written. */
export interface FileView {
  readonly state: 'PROCESSING' | 'ACTIVE' | 'FAILED';
  readonly sha256Hash: 'base64' | 'base64-of-hex';
  readonly lifetimeSeconds: number;
}

/** The File resource (ai.google.dev/api/files). */
export const fileObject = (file: StoredFile, { request }: Call, view: FileView): Json => {
  const uri = `http://${request.headers.host}/v1beta/files/${file.id}`;
  return {
    name: `files/${file.id}`,
    ...(file.filename === '' ? {} : { displayName: file.filename }),
    mimeType: file.mediaType,
    sizeBytes: String(file.bytes),
    createTime: timestamp(file.createdAt),
    updateTime: timestamp(file.createdAt),
    expirationTime: timestamp(file.expiresAt ?? file.createdAt + view.lifetimeSeconds),
    sha256Hash: base64(file.sha256, view.sha256Hash),
    uri,
    state: view.state,
    source: file.purpose === GENERATED ? GENERATED : 'UPLOADED',
    ...(file.purpose === GENERATED ? { downloadUri: `${uri}:download?alt=media` } : {}),
    ...(view.state === 'FAILED' ? { error: { code: UNKNOWN, message: file.problem } } : {}),
    ...(view.state === 'ACTIVE' && file.mediaType.startsWith('video/')
      ? { videoMetadata: { videoDuration: '1s' } }
      : {}),
  };
};

// google.rpc.Code, not an HTTP status.
const UNKNOWN = 2;

/** Gemini's names for what faults change. */
export const GEMINI_SHAPE: AnswerShape = {
  files: 'files',
  file: 'file',
  id: 'name',
  idPrefix: 'files/',
  bytes: 'sizeBytes',
  times: ['createTime', 'updateTime', 'expirationTime'],
  cursors: ['pageToken'],
  isPaged: () => true,
  withMore: (list) => ({ ...list, nextPageToken: pageTokenAfter(lastId(list)) }),
  invented: () => {
    const id = randomUUID();
    const now = timestamp(Math.floor(Date.now() / 1_000));
    return {
      name: `files/${id}`,
      displayName: `someone-elses-${id}.txt`,
      mimeType: 'text/plain',
      sizeBytes: '1',
      createTime: now,
      updateTime: now,
      state: 'ACTIVE',
      source: 'UPLOADED',
    };
  },
};

const lastId = ({ files }: Json): string => {
  const last: unknown = Array.isArray(files) ? files.at(-1) : undefined;
  const { name } = (last ?? {}) as { name?: unknown };
  return String(name ?? '').replace('files/', '');
};

// Captures show microseconds.
const timestamp = (unixSeconds: number): string =>
  new Date(unixSeconds * 1_000).toISOString().replace(/\.(\d{3})Z$/, '.$1000Z');

const base64 = (hex: string, form: FileView['sha256Hash']): string =>
  Buffer.from(hex, form === 'base64' ? 'hex' : 'latin1').toString('base64');
