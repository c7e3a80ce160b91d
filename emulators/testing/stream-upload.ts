import { Readable } from 'node:stream';
import { request } from 'undici';

const BOUNDARY = 'test-boundary-5c2a';
const PIECE = Buffer.alloc(1_048_576, 'ab');

/** Uploads a file of any size that is never in memory; the status and body of the answer. */
export const streamUpload = async (
  url: string,
  { sizeBytes, headers }: { sizeBytes: number; headers: Readonly<Record<string, string>> },
): Promise<{ status: number; text: string }> => {
  const answer = await request(`${url}/files`, {
    method: 'POST',
    headers: { ...headers, 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
    body: Readable.from(formOf(sizeBytes)),
  });
  return { status: answer.statusCode, text: await answer.body.text() };
};

const formOf = function* (sizeBytes: number): Generator<Buffer> {
  const disposition = 'Content-Disposition: form-data; name="file"; filename="large.txt"';
  yield Buffer.from(`--${BOUNDARY}\r\n${disposition}\r\nContent-Type: text/plain\r\n\r\n`);
  for (let left = sizeBytes; left > 0; left -= PIECE.length) yield PIECE.subarray(0, left);
  yield Buffer.from(`\r\n--${BOUNDARY}--\r\n`);
};
