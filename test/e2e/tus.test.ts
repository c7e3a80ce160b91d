import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Api, createApi, sha256 } from '../support/create-api.ts';
import { expectRefusal } from '../support/expect-refusal.ts';
import { followBySse } from '../support/follow-events.ts';
import { blobSizes } from '../support/look-at-blobs.ts';
import { openRaw } from '../support/raw-http.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { createTus, metadataOf, PIECE_TYPE, type Tus } from '../support/tus.ts';
import { until } from '../support/until.ts';

const LIMIT_BYTES = 4_000_000;
const WORDS = 'Words that come in pieces.';

let gateway: GatewayProcess;
let token: string;
let tus: Tus;
let api: Api;

beforeAll(async () => {
  gateway = await startGateway({
    env: { JWT_SECRET_KEY: JWT_SECRET, MAX_FILE_BYTES: String(LIMIT_BYTES) },
  });
  token = await signToken({ sub: 'ada' });
  tus = createTus(gateway, token);
  api = createApi(gateway, token);
});

const idOf = (path: string): string => path.split('/').at(-1) ?? '';
const fileAt = async (path: string) => (await api.call('GET', `/v1/files/${idOf(path)}`)).file();
const uploads = () => gateway.query('select id from waybill.uploads');

/** A PATCH of which only the head is sent, and what the test likes of its body. */
const openPatch = async (
  path: string,
  { offset = 0, length, headers = '' }: { offset?: number; length: number; headers?: string },
) => {
  const client = await openRaw(gateway.url);
  await client.send(
    `PATCH ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nTus-Resumable: 1.0.0\r\n` +
      `Content-Type: ${PIECE_TYPE}\r\nUpload-Offset: ${offset}\r\nContent-Length: ${length}\r\n${headers}\r\n`,
  );
  return client;
};

describe('OPTIONS', () => {
  it.each(['/v1/tus', '/v1/tus/', '/v1/tus/any'])('says at %s what is spoken, to anybody', async (path) => {
    const response = await fetch(`${gateway.url}${path}`, { method: 'OPTIONS' });
    expect(response.status).toBe(204);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'tus-version': '1.0.0',
      'tus-resumable': '1.0.0',
      'tus-max-size': String(LIMIT_BYTES),
      'tus-extension': 'creation,creation-with-upload,creation-defer-length,termination,expiration,checksum',
      'tus-checksum-algorithm': 'sha256,sha1',
    });
  });
});

describe('an upload in pieces', () => {
  it('is a file like any other once its last byte has come', async () => {
    const metadata = metadataOf({ filename: 'a/b/Über.txt', filetype: 'text/x-words', provider: 'kimi' });
    const created = await tus.call('POST', '/v1/tus', {
      headers: { 'upload-length': String(WORDS.length), 'upload-metadata': metadata },
    });
    expect(created.status).toBe(201);
    const path = String(created.headers.location);
    expect(path).toMatch(/^\/v1\/tus\/file-[0-9a-z]{25}$/u);
    expect(created.headers['tus-resumable']).toBe('1.0.0');
    const head = await tus.call('HEAD', path);
    expect(head).toMatchObject({
      status: 200,
      headers: {
        'tus-resumable': '1.0.0',
        'cache-control': 'no-store',
        'upload-offset': '0',
        'upload-length': String(WORDS.length),
        'upload-metadata': metadata,
      },
    });
    for (const { headers } of [created, head]) {
      const expires = String(headers['upload-expires']);
      expect(expires).toMatch(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/u);
      expect(Date.parse(expires)).toBeGreaterThan(Date.now());
    }
    expect((await api.call('GET', `/v1/files/${idOf(path)}`)).status).toBe(404);

    const first = await tus.patch(path, 0, WORDS.slice(0, 10));
    expect([first.status, first.headers['upload-offset']]).toEqual([204, '10']);
    expect(first.headers['upload-expires']).toBeDefined();
    expect(await tus.offset(path)).toBe(10);
    const last = await tus.patch(path, 10, WORDS.slice(10));
    expect([last.status, last.headers['upload-offset']]).toEqual([204, String(WORDS.length)]);

    expect(await fileAt(path)).toMatchObject({
      filename: 'Über.txt',
      media_type: 'text/x-words',
      bytes: WORDS.length,
      sha256: sha256(WORDS),
      deliveries: [{ provider: 'kimi' }],
    });
    const content = await api.call('GET', `/v1/files/${idOf(path)}/content`);
    expect(content.bytes.toString()).toBe(WORDS);
    const done = await tus.call('HEAD', path);
    expect(done.headers).toMatchObject({
      'upload-offset': String(WORDS.length),
      'upload-length': String(WORDS.length),
    });
    expect(done.headers['upload-expires']).toBeUndefined();
    expect(await uploads()).toEqual([]);
  });

  it('U32 is not changed by anything once it is complete', async () => {
    const path = await tus.create(WORDS.length);
    expect((await tus.patch(path, 0, WORDS)).status).toBe(204);
    // What a client may repeat that has lost the answer.
    expect((await tus.patch(path, WORDS.length)).status).toBe(204);
    expectRefusal(await tus.patch(path, 0, WORDS), [409, 'offset_conflict']);
    expectRefusal(await tus.patch(path, WORDS.length, 'more'), [413, 'file_too_large']);
    expect((await fileAt(path)).sha256).toBe(sha256(WORDS));
  });

  it('may tell its length with any piece, and only once', async () => {
    const path = await tus.create(null);
    expect((await tus.call('HEAD', path)).headers).toMatchObject({ 'upload-defer-length': '1' });
    expect((await tus.patch(path, 0, 'One ')).status).toBe(204);
    expectRefusal(await tus.patch(path, 4, 'x', { 'upload-length': '3' }), [400, 'invalid_request']);
    expectRefusal(await tus.patch(path, 4, 'x', { 'upload-length': `${LIMIT_BYTES + 1}` }), [
      413,
      'file_too_large',
    ]);
    expect((await tus.patch(path, 4, 'two ', { 'upload-length': '13' })).status).toBe(204);
    expect((await tus.call('HEAD', path)).headers).toMatchObject({
      'upload-length': '13',
      'upload-offset': '8',
    });
    expectRefusal(await tus.patch(path, 8, 'three', { 'upload-length': '14' }), [400, 'invalid_request']);
    expect((await tus.patch(path, 8, 'three', { 'upload-length': '13' })).status).toBe(204);
    expect((await fileAt(path)).sha256).toBe(sha256('One two three'));
  });

  it('may tell its length when everything is there already', async () => {
    const path = await tus.create(null);
    await tus.patch(path, 0, WORDS);
    const last = await tus.patch(path, WORDS.length, undefined, { 'upload-length': String(WORDS.length) });
    expect(last.status).toBe(204);
    expect((await fileAt(path)).bytes).toBe(WORDS.length);
  });

  it('U43 ends with an error and nothing kept when the whole turns out to suit nobody', async () => {
    const metadata = metadataOf({ filename: 'program.exe', provider: 'kimi' });
    const path = await tus.create(null, { 'upload-metadata': metadata });
    await tus.patch(path, 0, WORDS);
    const length = { 'upload-length': String(WORDS.length) };
    expectRefusal(await tus.patch(path, WORDS.length, undefined, length), [422, 'no_provider_accepts']);
    expect((await api.call('GET', `/v1/files/${idOf(path)}`)).status).toBe(404);
    await tus.call('DELETE', path);
  });

  it('U44 can be sent by POST where a client cannot do otherwise', async () => {
    const path = await tus.create(WORDS.length);
    const by = (method: string, headers = {}, body?: string) =>
      tus.call('POST', path, { headers: { 'x-http-method-override': method, ...headers }, body });
    const piece = { 'content-type': PIECE_TYPE, 'upload-offset': '0' };
    expect((await by('PATCH', piece, WORDS.slice(0, 5))).status).toBe(204);
    expect((await by('HEAD')).headers['upload-offset']).toBe('5');
    expectRefusal(await by('PATCH', { ...piece, 'content-type': 'text/plain' }, 'x'), [
      415,
      'unsupported_media_type',
    ]);
    expectRefusal(await by('GET'), [404, 'not_found']);
    expect((await by('DELETE')).status).toBe(204);
    expect(await tus.offset(path)).toBeNull();
  });
});

describe('creation', () => {
  const create = (headers: Record<string, string>, body?: string) =>
    tus.call('POST', '/v1/tus', { headers, body });

  it.each([
    [
      'U40 parts to be put together',
      { 'upload-concat': 'final;/v1/tus/../../x /v1/tus/y' },
      400,
      'invalid_request',
    ],
    ['no length', {}, 400, 'invalid_request'],
    ['two lengths', { 'upload-length': '5', 'upload-defer-length': '1' }, 400, 'invalid_request'],
    ['another deferral', { 'upload-defer-length': '2' }, 400, 'invalid_request'],
    ['-1', { 'upload-length': '-1' }, 400, 'invalid_request'],
    ['1.5', { 'upload-length': '1.5' }, 400, 'invalid_request'],
    ['1e3', { 'upload-length': '1e3' }, 400, 'invalid_request'],
    ['0x10', { 'upload-length': '0x10' }, 400, 'invalid_request'],
    ['blank', { 'upload-length': ' ' }, 400, 'invalid_request'],
    ['nothing', { 'upload-length': '0' }, 400, 'empty_file'],
    ['too much', { 'upload-length': String(LIMIT_BYTES + 1) }, 413, 'file_too_large'],
    ['2^64', { 'upload-length': '18446744073709551616' }, 413, 'file_too_large'],
    ['30 digits', { 'upload-length': '9'.repeat(30) }, 413, 'file_too_large'],
  ] as const)('U25 U26 U27 refuses a length of %s', async (_, headers, status, code) => {
    expectRefusal(await create(headers), [status, code]);
  });

  it.each([
    ['no Base64', 'filename not-base64!', 'invalid_request'],
    ['Base64 without its padding', 'filename YQ', 'invalid_request'],
    ['no UTF-8', 'filename //79', 'invalid_request'],
    ['a key twice', 'filename YS50eHQ=,filename YS50eHQ=', 'invalid_request'],
    ['an empty key', 'filename YS50eHQ=, YS50eHQ=', 'invalid_request'],
    ['nothing behind a comma', 'filename YS50eHQ=,', 'invalid_request'],
    ['three words', 'filename YS50eHQ= YS50eHQ=', 'invalid_request'],
    ['a name with a line break', metadataOf({ filename: 'a\r\nX-Evil: 1.txt' }), 'invalid_filename'],
    ['an unknown purpose', metadataOf({ filename: 'a.txt', purpose: 'mischief' }), 'invalid_purpose'],
    ['an unknown provider', metadataOf({ filename: 'a.txt', provider: 'nobody' }), 'unknown_provider'],
  ])('U28 refuses metadata with %s', async (_, metadata, code) => {
    expectRefusal(await create({ 'upload-length': '5', 'upload-metadata': metadata }), [400, code]);
  });

  it('U28 takes the names of properties for keys like others', async () => {
    const metadata = `__proto__ ${Buffer.from('{}').toString('base64')},constructor,${metadataOf({ filename: 'a.txt', provider: 'none' })}`;
    const path = await tus.create(5, { 'upload-metadata': metadata });
    expect((await tus.call('HEAD', path)).headers['upload-metadata']).toBe(metadata);
    await tus.call('DELETE', path);
  });

  it('names a file that was given no name by its type, and keeps one of which nothing is known', async () => {
    const named = await tus.create(5, { 'upload-metadata': metadataOf({ filetype: 'application/pdf' }) });
    await tus.patch(named, 0, '%PDF-');
    expect(await fileAt(named)).toMatchObject({ filename: 'upload.pdf', deliveries: [{ provider: 'kimi' }] });
    const bare = await create({ 'upload-length': '5' });
    const path = String(bare.headers.location);
    await tus.patch(path, 0, 'Words');
    expect(await fileAt(path)).toMatchObject({ filename: 'upload', deliveries: [] });
  });

  it('takes what Uppy says of a file', async () => {
    const metadata = metadataOf({
      relativePath: 'null',
      name: 'notes.md',
      type: 'text/markdown',
      provider: 'none',
    });
    const path = await tus.create(5, { 'upload-metadata': metadata });
    await tus.patch(path, 0, 'Words');
    expect(await fileAt(path)).toMatchObject({ filename: 'notes.md', media_type: 'text/markdown' });
  });

  it('refuses what no provider asked for takes, before the bytes', async () => {
    const metadata = metadataOf({ filename: 'program.exe', provider: 'kimi,glm' });
    expectRefusal(await create({ 'upload-length': '5', 'upload-metadata': metadata }), [
      422,
      'no_provider_accepts',
    ]);
  });
});

describe('creation with the file', () => {
  const none = metadataOf({ filename: 'notes.txt', provider: 'none' });
  const create = (
    length: string | null,
    body: string | AsyncIterable<Buffer>,
    headers: Record<string, string> = {},
  ) =>
    tus.call('POST', '/v1/tus', {
      headers: {
        'upload-metadata': none,
        'content-type': PIECE_TYPE,
        ...(length === null ? { 'upload-defer-length': '1' } : { 'upload-length': length }),
        ...headers,
      },
      body,
    });
  async function* pieces(...texts: string[]): AsyncGenerator<Buffer> {
    for (const text of texts) yield Buffer.from(text);
  }

  it('is one request for all of it', async () => {
    const { status, headers } = await create(String(WORDS.length), WORDS);
    expect([status, headers['upload-offset']]).toEqual([201, String(WORDS.length)]);
    expect((await fileAt(String(headers.location))).sha256).toBe(sha256(WORDS));
  });

  it.each([
    [
      'of a length that is not announced',
      () => create(String(WORDS.length), pieces(WORDS.slice(0, 7), WORDS.slice(7))),
    ],
    ['in part', () => create(String(WORDS.length), WORDS.slice(0, 9))],
    ['of a file whose length is not known', () => create(null, WORDS.slice(0, 9))],
    ['of which nothing is known', () => create(null, pieces(WORDS.slice(0, 9)))],
  ])('takes a body %s', async (_, send) => {
    const { status, headers } = await send();
    expect(status).toBe(201);
    const path = String(headers.location);
    const offset = Number(headers['upload-offset']);
    expect(await tus.offset(path)).toBe(offset);
    if (offset < WORDS.length)
      await tus.patch(path, offset, WORDS.slice(offset), { 'upload-length': String(WORDS.length) });
    expect((await fileAt(path)).sha256).toBe(sha256(WORDS));
  });

  it.each([
    [
      'of another type',
      () => create('5', 'Words', { 'content-type': 'text/plain' }),
      415,
      'unsupported_media_type',
    ],
    [
      'that is compressed',
      () => create('5', 'Words', { 'content-encoding': 'gzip' }),
      415,
      'unsupported_media_type',
    ],
    ['that is longer than the file', () => create('5', 'Words and more'), 413, 'file_too_large'],
    ['that turns out longer', () => create('5', pieces('Words', ' and more')), 413, 'file_too_large'],
    [
      'of the wrong sum',
      () => create('5', 'Words', { 'upload-checksum': sum('sha1', 'words') }),
      460,
      'checksum_mismatch',
    ],
    [
      'of the wrong sum, in part',
      () => create('9', 'Words', { 'upload-checksum': sum('sha256', 'words') }),
      460,
      'checksum_mismatch',
    ],
  ] as const)('refuses a body %s, and keeps nothing', async (_, send, status, code) => {
    const before = await api.call('GET', '/v1/files');
    expectRefusal(await send(), [status, code]);
    expect((await api.call('GET', '/v1/files')).bytes).toEqual(before.bytes);
    expect(await gateway.query('select * from waybill.uploads where length in (5, 9)')).toEqual([]);
  });

  it('is answered with the first file when it is repeated with its Idempotency-Key', async () => {
    const headers = { 'idempotency-key': 'only-once' };
    const [first, second] = [await create('5', 'Words', headers), await create('5', 'Words', headers)];
    expect(second.headers.location).toBe(first.headers.location);
  });
});

const sum = (algorithm: 'sha1' | 'sha256', text: string): string =>
  `${algorithm} ${createHash(algorithm).update(text).digest('base64')}`;

describe('a checksum', () => {
  it.each(['sha1', 'sha256'] as const)('that is right lets the piece in: %s', async (algorithm) => {
    const path = await tus.create(WORDS.length);
    for (const [from, to] of [
      [0, 9],
      [9, WORDS.length],
    ] as const) {
      const piece = WORDS.slice(from, to);
      const answer = await tus.patch(path, from, piece, { 'upload-checksum': sum(algorithm, piece) });
      expect([answer.status, answer.headers['upload-offset']]).toEqual([204, String(to)]);
    }
    expect((await fileAt(path)).sha256).toBe(sha256(WORDS));
  });

  it('U37 that is wrong drops the piece, however long', async () => {
    const first = Buffer.alloc(1_500_000, 'a');
    const second = Buffer.alloc(2_000_000, 'b');
    const path = await tus.create(first.length + second.length);
    await tus.patch(path, 0, first);
    const refused = await tus.patch(path, first.length, second, { 'upload-checksum': sum('sha256', 'else') });
    expectRefusal(refused, [460, 'checksum_mismatch']);
    expect(await tus.offset(path)).toBe(first.length);
    expect(await blobSizes(gateway.dataDir)).toContain(first.length);
    expect((await tus.patch(path, first.length, second)).status).toBe(204);
    expect((await fileAt(path)).sha256).toBe(sha256(Buffer.concat([first, second])));
  });

  it.each([
    ['an unknown algorithm', 'md5 1B2M2Y8AsgTpgAmY7PhCfg=='],
    ['no Base64', 'sha1 ????'],
    ['a digest of another length', `sha256 ${Buffer.alloc(20).toString('base64')}`],
    ['nothing', ''],
  ])('U37 of %s is refused', async (_, checksum) => {
    const path = await tus.create(5);
    expectRefusal(await tus.patch(path, 0, 'Words', { 'upload-checksum': checksum }), [
      400,
      'invalid_request',
    ]);
    expect(await tus.offset(path)).toBe(0);
    await tus.call('DELETE', path);
  });

  it('cannot be right for a body that breaks off', async () => {
    const path = await tus.create(1_500_000);
    const headers = `Upload-Checksum: ${sum('sha1', 'any')}\r\n`;
    const client = await openPatch(path, { length: 1_500_000, headers });
    await client.send(Buffer.alloc(1_300_000, 'a'));
    client.end();
    await client.closed();
    expect(await tus.offset(path)).toBe(0);
    await tus.call('DELETE', path);
  });

  it('cannot be right for a body that goes on for too long', async () => {
    const path = await tus.create(10);
    const checksum = { 'upload-checksum': sum('sha1', 'Words and more') };
    expectRefusal(await tus.patch(path, 0, 'Words and more', checksum), [413, 'file_too_large']);
    expect(await tus.offset(path)).toBe(0);
    const open = await tus.create(null);
    const told = { ...checksum, 'upload-length': '10' };
    expectRefusal(await tus.patch(open, 0, 'Words and more', told), [413, 'file_too_large']);
    expect(await tus.offset(open)).toBe(0);
    for (const made of [path, open]) await tus.call('DELETE', made);
  });
});

describe('a request that is wrong', () => {
  it.each([
    ['no version', {}],
    ['an old version', { 'tus-resumable': '0.2.2' }],
    ['two versions', { 'tus-resumable': '1.0.0, 1.0.0' }],
  ])('U24 is refused for %s, by every method', async (_, usual: Record<string, string>) => {
    const path = await tus.create(WORDS.length);
    const other = createTus(gateway, token, usual);
    const headers = { 'upload-length': '5', 'upload-metadata': metadataOf({ filename: 'a.txt' }) };
    for (const answer of [
      await other.call('POST', '/v1/tus', { headers }),
      await other.patch(path, 0, WORDS),
      await other.call('DELETE', path),
    ]) {
      expectRefusal(answer, [412, 'unsupported_version']);
      expect(answer.headers).toMatchObject({ 'tus-version': '1.0.0', 'tus-resumable': '1.0.0' });
    }
    expect((await other.call('HEAD', path)).status).toBe(412);
    expect(await tus.offset(path)).toBe(0);
    await tus.call('DELETE', path);
  });

  it('U29 U30 is refused for its offset or its type, and changes nothing', async () => {
    const path = await tus.create(WORDS.length);
    await tus.patch(path, 0, WORDS.slice(0, 5));
    expectRefusal(await tus.patch(path, 4, 'x'), [409, 'offset_conflict']);
    expectRefusal(await tus.patch(path, 6, 'x'), [409, 'offset_conflict']);
    for (const offset of ['-1', '', '5.0', '9'.repeat(30)]) {
      const answer = await tus.patch(path, 0, 'x', { 'upload-offset': offset });
      expect([400, 409]).toContain(answer.status);
    }
    const piece = { 'content-type': PIECE_TYPE };
    expectRefusal(await tus.call('PATCH', path, { headers: piece, body: 'x' }), [400, 'invalid_request']);
    for (const type of ['text/plain', 'application/octet-stream', 'garbage'])
      expectRefusal(await tus.patch(path, 5, 'x', { 'content-type': type }), [415, 'unsupported_media_type']);
    const untyped = await tus.call('PATCH', path, { headers: { 'upload-offset': '5' }, body: 'x' });
    expectRefusal(untyped, [415, 'unsupported_media_type']);
    expect(await tus.offset(path)).toBe(5);
    await tus.call('DELETE', path);
  });

  it.each(['..%2ffile', '..%5cfile', 'file%00', '%', '%ff', '.', '..', 'file-unknown', 'x'.repeat(300)])(
    'U33 is refused for an id that nobody has: %s',
    async (id) => {
      const client = await openRaw(gateway.url);
      await client.send(
        `PATCH /v1/tus/${id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nTus-Resumable: 1.0.0\r\n` +
          `Content-Type: ${PIECE_TYPE}\r\nUpload-Offset: 0\r\nContent-Length: 0\r\n\r\n`,
      );
      const { status, body } = await client.answer();
      client.reset();
      expect([400, 404]).toContain(status);
      expectRefusal({ status, body }, [status, status === 404 ? 'not_found' : 'invalid_request']);
    },
  );

  it.each(['4', null])('U31 is cut at the length of the upload, announced as %s', async (length) => {
    const path = await tus.create(WORDS.length);
    await tus.patch(path, 0, WORDS.slice(0, 5));
    const rest = `${WORDS.slice(5)} And more.`;
    async function* chunks(): AsyncGenerator<Buffer> {
      for (const character of rest) yield Buffer.from(character);
    }
    const answer = await tus.patch(path, 5, length === null ? chunks() : rest);
    const error = expectRefusal(answer, [413, 'file_too_large']);
    expect(error.file_id).toBe(idOf(path));
    expect((await fileAt(path)).sha256).toBe(sha256(WORDS));
  });

  it('U21 that goes beyond the limit without a length ends the upload', async () => {
    const path = await tus.create(null);
    expectRefusal(await tus.patch(path, 0, Buffer.alloc(LIMIT_BYTES + 1, 'x')), [413, 'file_too_large']);
    expect(await tus.offset(path)).toBeNull();
    expect(Math.max(...(await blobSizes(gateway.dataDir)))).toBeLessThan(LIMIT_BYTES);
  });
});

describe('another owner', () => {
  it('U41 finds nothing, and disturbs nothing', async () => {
    const bob = createTus(gateway, await signToken({ sub: 'bob' }));
    const path = await tus.create(WORDS.length);
    const sending = await openPatch(path, { length: WORDS.length });
    await sending.send(WORDS.slice(0, 5));
    expect(await bob.offset(path)).toBeNull();
    expectRefusal(await bob.patch(path, 0, WORDS), [404, 'not_found']);
    expectRefusal(await bob.call('DELETE', path), [404, 'not_found']);
    await sending.send(WORDS.slice(5));
    expect((await sending.answer()).status).toBe(204);
    sending.reset();
    expect(await bob.offset(path)).toBeNull();
    expectRefusal(await bob.patch(path, WORDS.length), [404, 'not_found']);
    expectRefusal(await bob.call('DELETE', path), [404, 'not_found']);
    expect((await fileAt(path)).sha256).toBe(sha256(WORDS));
  });

  it('needs a token, and one that may write is enough', async () => {
    const path = await tus.create(5);
    const [nobody, reader, writer, late] = [
      createTus(gateway, 'nonsense'),
      createTus(gateway, await signToken({ sub: 'ada', scope: 'files:read' })),
      createTus(gateway, await signToken({ sub: 'ada', scope: 'files:write' })),
      createTus(gateway, await signToken({ sub: 'ada', expiresInSeconds: -3_600 })),
    ];
    const refused = await nobody.patch(path, 0, 'Words');
    expectRefusal(refused, [401, 'invalid_token']);
    expect(refused.headers['tus-resumable']).toBe('1.0.0');
    expectRefusal(await late.patch(path, 0, 'Words'), [401, 'token_expired']);
    expectRefusal(await reader.patch(path, 0, 'Words'), [403, 'insufficient_scope']);
    expect(await writer.offset(path)).toBe(0);
    expect((await writer.patch(path, 0, 'Words')).status).toBe(204);
  });
});

describe('a connection that breaks', () => {
  it.each(['end', 'reset'] as const)('by %s leaves what has come, to be gone on with', async (leave) => {
    const bytes = Buffer.alloc(2_500_000, 'tus ');
    const events = await followBySse(gateway, { token });
    const path = await tus.create(bytes.length);
    let offset = 0;
    for (const to of [1, 700_000, 700_001, 2_400_000]) {
      const client = await openPatch(path, { offset, length: bytes.length - offset });
      await client.send(bytes.subarray(offset, to));
      // A connection that ends in the middle of a request takes with it what the other side has not read yet.
      await until('it has been read', () =>
        events.seen.some(({ data }) => data.id === idOf(path) && (data.received_bytes ?? 0) >= to),
      );
      client[leave]();
      const kept = await until('the offset is told', async () => (await tus.offset(path)) ?? false);
      expect(kept).toBe(to);
      offset = kept;
      client.reset();
    }
    events.close();
    expect((await tus.patch(path, offset, bytes.subarray(offset))).status).toBe(204);
    expect((await fileAt(path)).sha256).toBe(sha256(bytes));
  });
});

/** An upload to which somebody sends who has stalled, and how much of it is there. */
const stall = async () => {
  const bytes = Buffer.alloc(1_500_000, 'half open ');
  const path = await tus.create(bytes.length);
  const before = (await blobSizes(gateway.dataDir)).length;
  const old = await openPatch(path, { length: bytes.length });
  await old.send(bytes.subarray(0, 1_200_000));
  await until('the first bytes are there', async () => {
    const sizes = await blobSizes(gateway.dataDir);
    return sizes.length > before && sizes.some((size) => size >= 2 ** 20 && size <= 1_200_000);
  });
  return { path, bytes, old };
};

describe('a client that comes back while its old request is half open', () => {
  it('U35 ends the old request by asking, and goes on', async () => {
    const { path, bytes, old } = await stall();
    const since = performance.now();
    expect(await tus.offset(path)).toBe(1_200_000);
    const { status, headers, body } = await old.answer();
    expectRefusal({ status, body }, [423, 'upload_locked']);
    expect(headers.get('retry-after')).toBeDefined();
    expect((await tus.patch(path, 1_200_000, bytes.subarray(1_200_000))).status).toBe(204);
    expect(performance.now() - since).toBeLessThan(5_000);
    expect((await fileAt(path)).sha256).toBe(sha256(bytes));
    old.reset();
  });

  it('U35 goes on without asking', async () => {
    const { path, bytes, old } = await stall();
    expect((await tus.patch(path, 1_200_000, bytes.subarray(1_200_000))).status).toBe(204);
    expect((await old.answer()).status).toBe(423);
    expect((await fileAt(path)).sha256).toBe(sha256(bytes));
    old.reset();
  });

  it('U39 can give the upload up', async () => {
    const { path, old } = await stall();
    expect((await tus.call('DELETE', path)).status).toBe(204);
    expect((await old.answer()).status).toBe(423);
    expect(await tus.offset(path)).toBeNull();
    expect(await blobSizes(gateway.dataDir)).not.toContain(1_200_000);
    old.reset();
  });
});

describe('two PATCHes at one offset', () => {
  it('U34 let one in, and its bytes once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const pieces = ['A', 'B', 'C', 'D'].map((letter) => Buffer.alloc(300_000, letter));
      const path = await tus.create(600_000);
      const answers = await Promise.all(pieces.map((piece) => tus.patch(path, 0, piece)));
      const statuses = answers.map(({ status }) => status);
      expect(statuses.filter((status) => status === 204)).toHaveLength(1);
      expect(statuses.filter((status) => status !== 204 && status !== 409 && status !== 423)).toEqual([]);
      expect(await tus.offset(path)).toBe(300_000);
      expect((await tus.patch(path, 300_000, Buffer.alloc(300_000, 'E'))).status).toBe(204);
      const winner = pieces[statuses.indexOf(204)] ?? Buffer.alloc(0);
      expect((await fileAt(path)).sha256).toBe(sha256(Buffer.concat([winner, Buffer.alloc(300_000, 'E')])));
    }
  });
});

describe('a fault of ours at the end', () => {
  it('leaves all bytes, and the next request makes the file of them', async () => {
    const path = await tus.create(WORDS.length);
    await gateway.query('alter table waybill.files rename to files_away');
    try {
      expectRefusal(await tus.patch(path, 0, WORDS), [500, 'internal_error']);
      expect((await tus.call('HEAD', path)).status).toBe(500);
    } finally {
      await gateway.query('alter table waybill.files_away rename to files');
    }
    expect(await tus.offset(path)).toBe(WORDS.length);
    expect((await fileAt(path)).sha256).toBe(sha256(WORDS));
    expect(await gateway.query('select id from waybill.uploads where id = $1', [idOf(path)])).toEqual([]);
  });
});

describe('an upload that is given up', () => {
  it('is gone, with its bytes', async () => {
    const path = await tus.create(WORDS.length);
    await tus.patch(path, 0, WORDS.slice(0, 11));
    expect(await blobSizes(gateway.dataDir)).toContain(11);
    expect((await tus.call('DELETE', path)).status).toBe(204);
    expect(await blobSizes(gateway.dataDir)).not.toContain(11);
    expect(await tus.offset(path)).toBeNull();
    expectRefusal(await tus.patch(path, 11, WORDS.slice(11)), [404, 'not_found']);
    expectRefusal(await tus.call('DELETE', path), [404, 'not_found']);
  });

  it('is a file that is deleted, when it was complete', async () => {
    const path = await tus.create(5);
    await tus.patch(path, 0, 'Words');
    expect((await tus.call('DELETE', path)).status).toBe(204);
    expect((await api.call('GET', `/v1/files/${idOf(path)}`)).status).toBe(404);
    expect(await tus.offset(path)).toBeNull();
  });
});

describe('an upload that nobody goes on with', () => {
  const age = (path: string) =>
    gateway.query(`update waybill.uploads set expires_at = now() - interval '1 second' where id = $1`, [
      idOf(path),
    ]);

  it('U38 has expired, whoever asks', async () => {
    const path = await tus.create(WORDS.length);
    await tus.patch(path, 0, WORDS.slice(0, 17));
    await age(path);
    expectRefusal(await tus.patch(path, 17, WORDS.slice(17)), [410, 'upload_expired']);
    expect(await tus.offset(path)).toBeNull();
    expect(await blobSizes(gateway.dataDir)).not.toContain(17);
    const other = await tus.create(WORDS.length);
    await age(other);
    expect((await tus.call('HEAD', other)).status).toBe(410);
  });

  it('goes without anybody asking', async () => {
    const path = await tus.create(WORDS.length);
    await tus.patch(path, 0, WORDS.slice(0, 19));
    await age(path);
    const find = () => gateway.query('select id from waybill.uploads where id = $1', [idOf(path)]);
    await until('the row is gone', async () => (await find()).length === 0, { deadlineMs: 45_000 });
    await until('its bytes are gone', async () => !(await blobSizes(gateway.dataDir)).includes(19));
  });

  it('U38 is kept for whoever is sending to it', async () => {
    const { path, bytes, old } = await stall();
    await age(path);
    await old.send(bytes.subarray(1_200_000));
    expect((await old.answer()).status).toBe(204);
    expect((await fileAt(path)).sha256).toBe(sha256(bytes));
    old.reset();
  });
});
