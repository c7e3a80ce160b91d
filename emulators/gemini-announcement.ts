import type { IncomingHttpHeaders } from 'node:http';
import { isRecord } from './settings.ts';

/** What the request that opens an upload says of the file. */
export interface Announcement {
  /** Empty where none is given. */
  readonly displayName: string;
  readonly mimeType: string;
  /** The id the caller chose. */
  readonly id: string | null;
  /** Null where the size is not known yet. */
  readonly sizeBytes: number | null;
}

const MAX_DISPLAY_NAME_CHARS = 512;
// ai.google.dev/api/files: up to 40 lower-case letters, digits and dashes, no dash at either end.
const NAME = /^files\/([a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?)$/;
const MEDIA_TYPE = /^[\w.+-]+\/[\w.+-]+(\s*;.*)?$/;

/** Reads headers and JSON body of a start request; a string says what is wrong with them. */
export const readAnnouncement = (headers: IncomingHttpHeaders, body: string): Announcement | string => {
  const json = body === '' ? {} : parse(body);
  if (!isRecord(json)) return 'Invalid JSON payload received.';
  const { file = {} } = json;
  if (!isRecord(file)) return 'Invalid value at file.';
  const name = file.name ?? null;
  const displayName = file.displayName ?? file.display_name ?? '';
  const announcedType = headers['x-goog-upload-header-content-type'];
  const mimeType = file.mimeType ?? file.mime_type ?? announcedType ?? 'application/octet-stream';
  const size = headers['x-goog-upload-header-content-length'] ?? null;

  const id = typeof name === 'string' ? NAME.exec(name)?.[1] : null;
  if (id === undefined || (name !== null && id === null)) return `Invalid resource name: ${String(name)}`;
  if (typeof displayName !== 'string' || displayName.length > MAX_DISPLAY_NAME_CHARS) {
    return `The display name must be a text of at most ${MAX_DISPLAY_NAME_CHARS} characters.`;
  }
  if (typeof mimeType !== 'string' || !MEDIA_TYPE.test(mimeType)) return 'Invalid MIME type.';
  if (size !== null && !/^\d{1,15}$/.test(String(size)))
    return 'Invalid X-Goog-Upload-Header-Content-Length.';
  return { displayName, mimeType, id, sizeBytes: size === null ? null : Number(size) };
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};
