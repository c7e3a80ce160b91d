import { randomBytes } from 'node:crypto';
import { format } from 'content-disposition';
import type { HttpBody } from './http-call.ts';

export interface MultipartFile {
  readonly field: string;
  readonly filename: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly open: () => AsyncIterable<Buffer>;
}

/** The source ended before, or went on after, the size that was announced for it. */
export class SizeMismatchError extends Error {
  override readonly name = 'SizeMismatchError';
}

/**
 * A `multipart/form-data` body (RFC 7578) of a few small fields and one streamed file; ending the iteration ends the
 * file's. Fields go before the file: some providers demand it and none minds (DeepSeek and xAI document it). */
export const multipartBody = (fields: Readonly<Record<string, string>>, file: MultipartFile): HttpBody => {
  // Unguessable, so that no file can contain it on purpose.
  const boundary = `waybill-${randomBytes(18).toString('hex')}`;
  const head = Buffer.from(
    Object.entries(fields)
      .map(([name, value]) => `--${boundary}\r\n${disposition({ name })}\r\n\r\n${value}\r\n`)
      .join('') +
      `--${boundary}\r\n${disposition({ name: file.field, filename: file.filename })}\r\n` +
      `Content-Type: ${safeMediaType(file.mediaType)}\r\n\r\n`,
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    contentLength: head.length + file.sizeBytes + tail.length,
    chunks: async function* () {
      yield head;
      let sentBytes = 0;
      for await (const chunk of file.open()) {
        sentBytes += chunk.length;
        if (sentBytes > file.sizeBytes) break;
        yield chunk;
      }
      if (sentBytes !== file.sizeBytes) {
        throw new SizeMismatchError(
          `The file has ${sentBytes} bytes or more, announced were ${file.sizeBytes}.`,
        );
      }
      yield tail;
    },
  };
};

/** The header of one part, escaped as browsers do (HTML, "multipart/form-data encoding algorithm"), so that no name can end it or start another. */
const disposition = (parameters: Record<string, string>): string =>
  `Content-Disposition: ${format({ type: 'form-data', parameters }, { multipart: true }).toWellFormed().replace(UNPRINTABLE, '_')}`;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not pass
const UNPRINTABLE = /[\u0000-\u001f\u007f]/gu;

/** The media type, or that of bytes where it could not stand in a header. */
export const safeMediaType = (mediaType: string): string =>
  /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(; ?[\w-]+=[\w.+-]+)*$/u.test(mediaType)
    ? mediaType
    : 'application/octet-stream';
