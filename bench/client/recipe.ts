import type { Destination } from './job.ts';

/** One request around a file: everything but the file's own bytes. */
export interface Recipe {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly head: Buffer;
  readonly tail: Buffer;
}

const NOTHING = Buffer.alloc(0);
const BOUNDARY = 'bench-5d1c0f8a7e';

/** The request that carries a file, or, for `tus-patch`, the one that creates its upload. */
export const recipeOf = (to: Destination, filename: string, sizeBytes: number): Recipe => {
  const url = new URL(to.url);
  if (to.shape === 'multipart') return form(to, url, filename, sizeBytes);
  if (to.shape === 'put') {
    url.searchParams.set('filename', filename);
    const headers = { ...to.headers, 'content-type': 'text/plain', 'content-length': String(sizeBytes) };
    return { method: 'PUT', url, headers, head: NOTHING, tail: NOTHING };
  }
  const hasBody = to.shape === 'tus-creation';
  const headers = {
    ...to.headers,
    'tus-resumable': '1.0.0',
    'upload-length': String(sizeBytes),
    'upload-metadata': metadata({ filename, filetype: 'text/plain', ...to.fields }),
    'content-length': String(hasBody ? sizeBytes : 0),
    ...(hasBody ? { 'content-type': 'application/offset+octet-stream' } : {}),
  };
  return { method: 'POST', url, headers, head: NOTHING, tail: NOTHING };
};

/** The PATCH that continues a tus upload to its end. */
export const patchOf = (to: Destination, location: string, fromBytes: number, sizeBytes: number): Recipe => ({
  method: 'PATCH',
  url: new URL(location, to.url),
  headers: {
    ...to.headers,
    'tus-resumable': '1.0.0',
    'upload-offset': String(fromBytes),
    'content-type': 'application/offset+octet-stream',
    'content-length': String(sizeBytes - fromBytes),
  },
  head: NOTHING,
  tail: NOTHING,
});

const form = (to: Destination, url: URL, filename: string, sizeBytes: number): Recipe => {
  const fields = Object.entries(to.fields).map(
    ([name, value]) => `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const head = Buffer.from(
    `${fields.join('')}--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="${filename}"\r\n` +
      'Content-Type: text/plain\r\n\r\n',
  );
  const tail = Buffer.from(`\r\n--${BOUNDARY}--\r\n`);
  const headers = {
    ...to.headers,
    'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
    'content-length': String(head.length + sizeBytes + tail.length),
  };
  return { method: 'POST', url, headers, head, tail };
};

const metadata = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');
