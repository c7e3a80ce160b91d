import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BOUNDARY, FILE, field, form, headOf, type Part } from '../../test/support/make-form.ts';
import { GatewayError } from '../core/errors.ts';
import { readMultipart } from './multipart.ts';

const HEADERS = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };

const streamOf = (...chunks: Buffer[]): Readable => Readable.from(chunks, { objectMode: false });
const read = async (body: Buffer | Readable, headers: Record<string, string> = HEADERS) => {
  const upload = await readMultipart({ headers, stream: body instanceof Readable ? body : streamOf(body) });
  return { ...upload, bytes: await buffer(upload.body) };
};

/** The code with which reading fails, wherever the fault comes up; null when it does not. */
const refusal = async (body: Buffer | Readable, headers?: Record<string, string>): Promise<string | null> => {
  try {
    await read(body, headers);
    return null;
  } catch (error) {
    return error instanceof GatewayError ? error.code : `not a GatewayError: ${String(error)}`;
  }
};

/** Reads a form that announces its length. */
const likelySize = async (body: Buffer): Promise<number | null> => {
  const headers = { ...HEADERS, 'content-length': String(body.length) };
  return (await read(body, headers)).likelySizeBytes;
};

describe('the size that a form lets expect', () => {
  it('is the file\u2019s where the file comes last, whatever is before it and in it', async () => {
    const contents = ['hello', `\r\n\r\n--${BOUNDARY}x\r\n\r\n`, 'x'.repeat(70_000)];
    for (const content of contents) {
      const body = form([field('purpose', 'batch'), field('note', '\r\n\r\n'), { ...FILE, content }]);
      expect(await likelySize(body)).toBe(content.length);
    }
  });

  it('is more than the file\u2019s where fields follow, and nothing where no length is announced', async () => {
    expect(await likelySize(form([FILE, field('purpose', 'batch')]))).toBeGreaterThan(5);
    expect((await read(form([FILE]))).likelySizeBytes).toBeNull();
  });

  it('U17 is not told, and costs no memory, behind a preamble without end', async () => {
    const preamble = Buffer.alloc(40 * 2 ** 20, 'x');
    const pieces = Array.from({ length: 640 }, (_, n) => preamble.subarray(n * 65_536, (n + 1) * 65_536));
    const body = Buffer.concat([Buffer.from('\r\n'), form([FILE])]);
    const headers = { ...HEADERS, 'content-length': String(preamble.length + body.length) };
    const { likelySizeBytes, bytes } = await read(streamOf(...pieces, body), headers);
    expect({ likelySizeBytes, content: bytes.toString() }).toEqual({
      likelySizeBytes: null,
      content: 'hello',
    });
  });
});

describe('a form with a file', () => {
  it('gives name, type and bytes, and the fields before and after it', async () => {
    const body = form([field('purpose', 'user_data'), FILE, field('provider', 'kimi')]);
    const upload = await readMultipart({ headers: HEADERS, stream: streamOf(body) });
    expect(upload).toMatchObject({ filename: 'a.txt', declaredType: 'text/plain' });
    expect(upload.fields.purpose).toBe('user_data');
    expect((await buffer(upload.body)).toString()).toBe('hello');
    expect({ ...upload.fields }).toEqual({ purpose: 'user_data', provider: 'kimi' });
  });

  it('may hold an empty file, text before the first boundary, and a field in UTF-8', async () => {
    const body = Buffer.concat([
      Buffer.from('preamble\r\n'),
      form([field('note', 'größe 🧾'), { ...FILE, content: '' }]),
    ]);
    const { bytes, fields } = await read(body);
    expect(bytes).toHaveLength(0);
    expect(fields.note).toBe('größe 🧾');
  });

  it.each([
    ['../../etc/passwd', '../../etc/passwd'],
    ['C:\\\\dir\\\\a.txt', 'C:\\dir\\a.txt'],
    ['größe.txt', 'größe.txt'],
    ['', ''],
  ])('hands the file name on as it was sent, for others to judge: %j', async (sent, filename) => {
    expect((await read(form([{ ...FILE, filename: sent }]))).filename).toBe(filename);
  });

  it('U12 understands an extended file name, broken ones included', async () => {
    const head = (value: string): string => `Content-Disposition: form-data; name="file"; filename*=${value}`;
    expect((await read(form([{ content: 'x', head: head("UTF-8''%e2%82%ac.txt") }]))).filename).toBe('€.txt');
    const broken = await refusal(form([{ content: 'x', head: head("UTF-8''%e2%zz.txt") }]));
    expect([null, 'invalid_multipart']).toContain(broken);
  });

  it.each(['__proto__', 'constructor', 'toString', 'constructor[prototype][x]', 'hasOwnProperty'])(
    'takes the field name %s for a name only',
    async (name) => {
      const { fields } = await read(form([field(name, 'polluted'), FILE]));
      expect(Object.keys(fields)).toEqual([name]);
      expect(fields[name]).toBe('polluted');
      expect(Object.getPrototypeOf(fields)).toBeNull();
      expect('polluted' in {}).toBe(false);
    },
  );

  it('may be as large as a form of ours ever is', async () => {
    const fields = Array.from({ length: 20 }, (_, i) => field(`f${i}`, 'v'));
    expect(await refusal(form([...fields, FILE]))).toBeNull();
    expect(await refusal(form([field('long', 'v'.repeat(4_096)), FILE]))).toBeNull();
  });

  it('with a boundary of 252 characters is read byte by byte', async () => {
    const boundary = 'b'.repeat(252);
    const body = form([FILE]).toString().replaceAll(BOUNDARY, boundary);
    const chunks = Array.from(Buffer.from(body), (byte) => Buffer.from([byte]));
    const { bytes } = await read(streamOf(...chunks), {
      'content-type': `multipart/form-data; boundary=${boundary}`,
    });
    expect(bytes.toString()).toBe('hello');
  });
});

describe('a form without a file', () => {
  it.each<[string, Buffer]>([
    ['only fields', form([field('purpose', 'user_data')])],
    ['no part at all', form([])],
    ['a field "file" that has no file name', form([field('file', 'hello')])],
  ])('is refused: %s', async (_name, body) => {
    expect(await refusal(body)).toBe('missing_file');
  });
});

describe('a malformed form', () => {
  const fields = (count: number): Part[] => Array.from({ length: count }, (_, i) => field(`f${i}`, 'v'));

  it.each<[string, Buffer]>([
    ['an empty body', Buffer.alloc(0)],
    ['a body without the boundary', Buffer.from('hello')],
    ['no closing boundary', form([FILE], { closing: '' })],
    ['a file cut in the middle', form([FILE]).subarray(0, -30)],
    ['headers cut in the middle', form([FILE]).subarray(0, 40)],
    ['a closing boundary without its dashes', form([FILE], { closing: `--${BOUNDARY}\r\n` })],
    ['a field cut in the middle', form([FILE, field('purpose', 'user_data')]).subarray(0, -30)],
    ['the file in another field', form([{ ...FILE, name: 'upload' }])],
    ['a second file', form([FILE, FILE])],
    ['a second file in another field', form([FILE, { ...FILE, name: 'other' }])],
    ['a field twice', form([field('purpose', 'a'), field('purpose', 'b'), FILE])],
    ['a field twice, after the file', form([FILE, field('purpose', 'a'), field('purpose', 'b')])],
    ['a field that is too long', form([field('purpose', 'v'.repeat(4_097)), FILE])],
    ['U16 a field of three megabytes', form([field('purpose', 'v'.repeat(3 * 2 ** 20)), FILE])],
    ['a field name that is too long', form([field('n'.repeat(101), 'v'), FILE])],
    ['too many fields', form([...fields(21), FILE])],
    ['too many fields after the file', form([FILE, ...fields(21)])],
    ['2,000 parts', form([FILE, ...fields(2_000)])],
  ])('is refused: %s', async (_name, body) => {
    expect(await refusal(body)).toBe('invalid_multipart');
  });

  it.each<[string, Part]>([
    ['part headers of 90 KB', { content: 'x', head: `${headOf(FILE)}\r\nX-Long: ${'h'.repeat(90_000)}` }],
    ['2,000 part headers', { content: 'x', head: `${headOf(FILE)}\r\n${'X-A: b\r\n'.repeat(2_000)}X-B: c` }],
    ['a part without headers', { content: 'x', head: '' }],
    ['a part without a disposition', { content: 'x', head: 'Content-Type: text/plain' }],
    ['a part header called __proto__', { content: 'x', head: `__proto__: x\r\n${headOf(FILE)}` }],
    [
      'a bare line feed in the disposition',
      { content: 'x', head: 'Content-Disposition: form-data;\n name="file"; filename="a"' },
    ],
    ['U17 a nested form', { content: 'x', head: 'Content-Type: multipart/mixed; boundary=inner' }],
  ])('is read or refused, and nothing worse: %s', async (_name, part) => {
    expect([null, 'invalid_multipart', 'missing_file']).toContain(await refusal(form([part])));
    expect('x' in {}).toBe(false);
  });

  it.each([
    ['no Content-Type', {}],
    ['another Content-Type', { 'content-type': 'application/json' }],
    ['no boundary', { 'content-type': 'multipart/form-data' }],
    ['an empty boundary', { 'content-type': 'multipart/form-data; boundary=' }],
    ['U19 garbage', { 'content-type': 'multipart/form-data garbage' }],
    ['another boundary', { 'content-type': 'multipart/form-data; boundary=other' }],
  ])('is refused for its headers: %s', async (_name, headers) => {
    expect(await refusal(form([FILE]), headers)).toBe('invalid_multipart');
  });

  it('is refused however it is cut', async () => {
    const body = form([field('purpose', 'user_data'), FILE, field('provider', 'kimi')]);
    const end = body.length - '--\r\n'.length;
    for (let length = 0; length < end; length += 1) {
      expect([length, await refusal(body.subarray(0, length))]).toEqual([length, 'invalid_multipart']);
    }
  });

  it('U13 does not take seconds for 8 KB of quotes in a name', async () => {
    const began = performance.now();
    await refusal(form([{ ...FILE, filename: '\\"'.repeat(4_096) }]));
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

describe('the end of the connection', () => {
  it.each([0, 20, 90, 150])(
    'before the end of the form, after %i bytes, is an incomplete body',
    async (sent) => {
      const body = form([FILE], { closing: '' });
      const stream = new Readable({ read: () => undefined });
      stream.push(body.subarray(0, sent));
      const refused = refusal(stream);
      setImmediate(() => stream.destroy());
      expect(await refused).toBe('incomplete_body');
    },
  );

  it('is an incomplete body on a real socket too, before the file, in it, and by a reset', async () => {
    const requests: Promise<string | null>[] = [];
    const server = createServer(
      (request) => void requests.push(refusal(request, request.headers as Record<string, string>)),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const body = form([{ ...FILE, content: 'x'.repeat(1_000) }]);
    for (const [sent, end] of [
      [10, 'destroy'],
      [500, 'destroy'],
      [500, 'resetAndDestroy'],
    ] as const) {
      const socket = connect(port, '127.0.0.1');
      const arrived = once(server, 'request') as Promise<[IncomingMessage]>;
      socket.write(
        `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: ${HEADERS['content-type']}\r\nContent-Length: ${body.length}\r\n\r\n`,
      );
      socket.write(body.subarray(0, sent));
      const [request] = await arrived;
      const closed = new Promise((resolve) => request.once('close', resolve));
      socket[end]();
      await closed;
    }
    expect(await Promise.all(requests)).toEqual(['incomplete_body', 'incomplete_body', 'incomplete_body']);
    server.close();
  });
});

describe('the body of the file', () => {
  /** The rest of a form after all of its file, and how reading the file ends when it comes. */
  const endWith = async (rest: (stream: Readable) => void): Promise<string> => {
    const stream = new Readable({ read: () => undefined });
    stream.push(form([FILE], { closing: `--${BOUNDARY}\r\n` }));
    const { body, fields } = await readMultipart({ headers: HEADERS, stream });
    let isRead = false;
    const outcome = buffer(body).then(
      () => `read, ${JSON.stringify(fields)}`,
      (error) => (error instanceof GatewayError ? error.code : String(error)),
    );
    void outcome.then(() => {
      isRead = true;
    });
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    expect(isRead).toBe(false);
    rest(stream);
    return outcome;
  };
  const tail = (part: Part): Buffer => form([part]).subarray(`--${BOUNDARY}\r\n`.length);

  it('ends only once the form has, however much later that is', async () => {
    const ending = endWith((stream) => {
      stream.push(tail(field('purpose', 'vision')));
      stream.push(null);
    });
    expect(await ending).toBe('read, {"purpose":"vision"}');
  });

  it('fails when the rest of the form turns out wrong', async () => {
    expect(await endWith((stream) => stream.push(tail(FILE)))).toBe('invalid_multipart');
    expect(await endWith((stream) => stream.push(null))).toBe('invalid_multipart');
    expect(await endWith((stream) => stream.destroy())).toBe('incomplete_body');
  });

  it('stops reading the request when its iteration ends early', async () => {
    let produced = 0;
    const stream = Readable.from(
      (function* () {
        yield form([{ ...FILE, content: '' }]).subarray(0, -BOUNDARY.length - 8);
        while (true) {
          produced += 1;
          yield Buffer.alloc(65_536, 'x');
        }
      })(),
      { objectMode: false },
    );
    const { body } = await readMultipart({ headers: HEADERS, stream });
    for await (const chunk of body) if (chunk.length > 0) break;
    const atTheEnd = produced;
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    expect(produced - atTheEnd).toBeLessThan(10);
    expect(stream.destroyed).toBe(false);
    stream.destroy();
  });

  it('is not read ahead of whoever reads it', async () => {
    let produced = 0;
    const stream = Readable.from(
      (function* () {
        yield form([{ ...FILE, content: '' }]).subarray(0, -BOUNDARY.length - 8);
        while (true) {
          produced += 65_536;
          yield Buffer.alloc(65_536, 'x');
        }
      })(),
      { objectMode: false },
    );
    await readMultipart({ headers: HEADERS, stream });
    for (let turn = 0; turn < 200; turn += 1) await new Promise(setImmediate);
    expect(produced).toBeLessThan(2 ** 20);
    stream.destroy();
  });
});

describe('any bytes', () => {
  const pieces = fc.constantFrom(
    '\r\n',
    '\r',
    '\n',
    '--',
    `--${BOUNDARY.slice(0, -1)}`,
    `\r\n--${BOUNDARY.slice(0, -1)}`,
    `\r\n-${BOUNDARY}`,
    `\r\n --${BOUNDARY}`,
    BOUNDARY,
    'Content-Disposition: form-data',
    '\0',
    'x',
  );
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 3_000 }).map((bytes) => Buffer.from(bytes)),
    fc.array(pieces, { maxLength: 60 }).map((texts) => Buffer.from(texts.join(''))),
  );

  /** A client picks its boundary so that this does not happen. */
  const holdsBoundary = (bytes: Buffer): boolean =>
    Buffer.concat([Buffer.from('\r\n'), bytes]).includes(`\r\n--${BOUNDARY}`);

  it('come through unchanged, in whatever chunks they arrive', async () => {
    await fc.assert(
      fc.asyncProperty(
        content,
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }),
        async (sent, sizes) => {
          fc.pre(!holdsBoundary(sent));
          const body = form([
            field('purpose', 'vision'),
            { ...FILE, content: sent },
            field('provider', 'glm'),
          ]);
          const chunks: Buffer[] = [];
          for (let from = 0, i = 0; from < body.length; i += 1) {
            const size = sizes[i % sizes.length] ?? 1;
            chunks.push(body.subarray(from, from + size));
            from += size;
          }
          const { bytes, fields } = await read(streamOf(...chunks));
          expect(bytes.equals(sent)).toBe(true);
          expect({ ...fields }).toEqual({ purpose: 'vision', provider: 'glm' });
        },
      ),
      { numRuns: 300 },
    );
  });
});
