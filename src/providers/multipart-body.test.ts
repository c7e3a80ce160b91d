import { once } from 'node:events';
import { Busboy } from '@fastify/busboy';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MultipartFile, multipartBody, SizeMismatchError } from './multipart-body.ts';

const file = (change: Partial<MultipartFile> = {}): MultipartFile => ({
  field: 'file',
  filename: 'notes.txt',
  mediaType: 'text/plain',
  sizeBytes: 5,
  open: async function* () {
    yield Buffer.from('hello');
  },
  ...change,
});

const bytesOf = async (chunks: AsyncIterable<Buffer>): Promise<Buffer> => {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
};

/** What a parser other than ours to write makes of the body. */
const parse = async (contentType: string, body: Buffer) => {
  const parser = new Busboy({ headers: { 'content-type': contentType } });
  const parts: unknown[] = [];
  parser.on('field', (name, value) => parts.push({ name, value }));
  parser.on('file', (name, stream, filename, _encoding, mediaType) => {
    const text: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => text.push(chunk));
    stream.on('end', () => parts.push({ name, filename, mediaType, text: String(Buffer.concat(text)) }));
  });
  parser.end(body);
  await once(parser, 'finish');
  return parts;
};

describe('a multipart body', () => {
  it('has the fields first, then the file, and exactly the length it says', async () => {
    const body = multipartBody({ purpose: 'batch', extra: 'é' }, file());
    const bytes = await bytesOf(body.chunks());
    expect(bytes.length).toBe(body.contentLength);
    expect(await parse(body.contentType, bytes)).toEqual([
      { name: 'purpose', value: 'batch' },
      { name: 'extra', value: 'é' },
      { name: 'file', filename: 'notes.txt', mediaType: 'text/plain', text: 'hello' },
    ]);
  });

  it('keeps its parts apart whatever the name and the media type', async () => {
    const anything = fc.string({ unit: 'binary', maxLength: 60 });
    const dangerous = fc.stringMatching(/^["\\\r\n\0;=%\-a]{0,30}$/u);
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(anything, dangerous),
        fc.oneof(anything, dangerous),
        async (name, mediaType) => {
          const body = multipartBody({ purpose: 'batch' }, file({ filename: `${name}.txt`, mediaType }));
          const bytes = await bytesOf(body.chunks());
          expect(bytes.length).toBe(body.contentLength);
          expect(await parse(body.contentType, bytes)).toMatchObject([
            { name: 'purpose', value: 'batch' },
            { name: 'file', filename: expect.stringMatching(/\.txt$/u), text: 'hello' },
          ]);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('has a boundary that nobody can know beforehand', () => {
    const types = Array.from({ length: 100 }, () => multipartBody({}, file()).contentType);
    expect(new Set(types).size).toBe(types.length);
  });

  it.each([4, 6])(
    'fails when the file does not have the announced %d bytes, and does not end the form',
    async (sizeBytes) => {
      const body = multipartBody({}, file({ sizeBytes }));
      const sent: Buffer[] = [];
      const sending = (async () => {
        for await (const chunk of body.chunks()) sent.push(chunk);
      })();
      await expect(sending).rejects.toBeInstanceOf(SizeMismatchError);
      expect(Buffer.concat(sent).length).toBeLessThan(body.contentLength);
      expect(Buffer.concat(sent).toString()).not.toMatch(/--\r\n$/u);
    },
  );

  it('ends the file when it is ended itself', async () => {
    let isEnded = false;
    const open = async function* () {
      try {
        yield* [Buffer.from('he'), Buffer.from('llo')];
      } finally {
        isEnded = true;
      }
    };
    for await (const chunk of multipartBody({}, file({ open })).chunks()) if (chunk.length === 2) break;
    expect(isEnded).toBe(true);
  });
});
