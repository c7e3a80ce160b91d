export const BOUNDARY = 'boundary-of-tests';

export interface Part {
  readonly name?: string;
  readonly filename?: string;
  readonly type?: string;
  readonly content: string | Buffer;
  /** In place of the headers made from the above. */
  readonly head?: string;
}

export const FILE: Part = { name: 'file', filename: 'a.txt', type: 'text/plain', content: 'hello' };
export const field = (name: string, content: string): Part => ({ name, content });

export const headOf = ({ name, filename, type, head }: Part): string =>
  head ??
  [
    `Content-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}`,
    ...(type === undefined ? [] : [`Content-Type: ${type}`]),
  ].join('\r\n');

/** A form as it is sent, byte for byte. */
export const form = (parts: readonly Part[], { closing = `--${BOUNDARY}--\r\n` } = {}): Buffer =>
  Buffer.concat([
    ...parts.flatMap((part) => [
      Buffer.from(`--${BOUNDARY}\r\n${headOf(part)}\r\n\r\n`),
      Buffer.from(part.content),
      Buffer.from('\r\n'),
    ]),
    Buffer.from(closing),
  ]);
