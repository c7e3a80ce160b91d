/** The client library against a whole gateway over real sockets, some of which break. */
import { createHash, randomInt } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { appendFile, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from '../../src/app/gateway.ts';
import {
  type ClientError,
  createResumeDirectory,
  type UploadOptions,
  type UploadProgress,
  Waybill,
  type WaybillOptions,
} from '../../src/client/index.ts';
import { loadConfig } from '../../src/platform/config.ts';
import { createLogger } from '../../src/platform/log.ts';
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.ts';
import { pdf } from '../support/make-content.ts';
import { preparePostgres } from '../support/prepared-postgres.ts';
import { randomText } from '../support/random-text.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { until } from '../support/until.ts';

const MIB = 2 ** 20;
let home: string;
let gateway: Gateway;
let proxy: CuttingProxy;
const clients: Waybill[] = [];

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'waybill-client-'));
  const env = {
    DATA_DIR: join(home, 'data'),
    PORT: '0',
    LOG_LEVEL: 'silent',
    JWT_SECRET_KEY: JWT_SECRET,
    RATE_LIMIT_PER_MINUTE: '0',
  };
  await preparePostgres(join(home, 'data/postgres'));
  gateway = await startGateway(loadConfig(env), createLogger('silent'));
  proxy = await startCuttingProxy(gateway.url);
});

afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())));

afterAll(async () => {
  await gateway?.close();
  rmSync(home, { recursive: true, force: true });
});

const clientOf = async (sub: string, options: Partial<WaybillOptions> = {}): Promise<Waybill> => {
  const client = new Waybill({ url: gateway.url, token: await signToken({ sub }), ...options });
  clients.push(client);
  return client;
};

const fileOf = (name: string, content: Buffer): string => {
  const path = join(home, name);
  writeFileSync(path, content);
  return path;
};

const blobOf = (content: Buffer): Blob => new Blob([new Uint8Array(content)]);

const digestOf = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

const failureOf = async (action: Promise<unknown>): Promise<unknown> =>
  action.then(
    () => null,
    (error: unknown) => error,
  );

async function* chunksOf(content: Buffer, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < content.length; start += sizeBytes) {
    // As a source may: the memory is used again for the next.
    yield new Uint8Array(content.subarray(start, start + sizeBytes));
  }
}

/** Records what an upload tells. */
const recorder = () => {
  const told: UploadProgress[] = [];
  return { told, onProgress: (progress: UploadProgress) => void told.push(progress) };
};

const expectOrdered = (told: readonly UploadProgress[], sizeBytes: number): void => {
  const sent = told.map(({ sentBytes }) => sentBytes);
  expect(sent).toEqual([...new Set(sent)].toSorted((a, b) => a - b));
  expect(told.at(-1)).toEqual({ sentBytes: sizeBytes, totalBytes: sizeBytes });
};

const NONE = { provider: 'none' } as const;

describe('an upload', () => {
  const large = randomText(20 * MIB);
  const small = randomText(70_001);

  it.each([
    ['small', small],
    ['large', large],
  ])(
    'of a %s file at a path arrives under its name, with progress that never falls',
    async (size, content) => {
      const client = await clientOf('paths');
      const { told, onProgress } = recorder();
      const path = fileOf(`${size}.txt`, content);
      const file = await client.upload(path, { ...NONE, purpose: 'batch', onProgress });
      expect(file).toMatchObject({
        filename: `${size}.txt`,
        bytes: content.length,
        sha256: digestOf(content),
        purpose: 'batch',
        media_type: 'text/plain',
      });
      expect(told[0]).toEqual({ sentBytes: 0, totalBytes: content.length });
      expectOrdered(told, content.length);
      expect(told.length).toBeGreaterThan(content.length / (4 * MIB));
      const { body } = await client.files.download(file.id);
      expect(digestOf(await buffer(body))).toBe(digestOf(content));
    },
  );

  it.each<[string, (client: Waybill) => Promise<unknown>, Buffer]>([
    ['a file: URL', (client) => client.upload(pathToFileURL(fileOf('ä url.txt', small)), NONE), small],
    ['a File', (client) => client.upload(new File([blobOf(small)], 'ä url.txt'), NONE), small],
    ['a Blob', (client) => client.upload(blobOf(large), { ...NONE, filename: 'ä url.txt' }), large],
    [
      'a stream of Node',
      (client) => client.upload(Readable.from(chunksOf(large, 999_999)), { ...NONE, filename: 'ä url.txt' }),
      large,
    ],
    [
      'a web stream',
      (client) => client.upload(blobOf(large).stream(), { ...NONE, filename: 'ä url.txt' }),
      large,
    ],
    [
      'a short iterable',
      (client) => client.upload(chunksOf(small, 1_000), { ...NONE, filename: 'ä url.txt' }),
      small,
    ],
    [
      'ranges',
      (client) => {
        const open = (start: number, end: number) => chunksOf(large.subarray(start, end), 300_000);
        return client.upload({ sizeBytes: large.length, open }, { ...NONE, filename: 'ä url.txt' });
      },
      large,
    ],
  ])('of %s arrives', async (_, send, content) => {
    const file = await send(await clientOf('kinds'));
    expect(file).toMatchObject({
      filename: 'ä url.txt',
      bytes: content.length,
      sha256: digestOf(content),
    });
  });

  it.each([8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 16 * MIB])(
    'of a stream of %i bytes, around what a piece takes, has every byte once',
    async (sizeBytes) => {
      const content = randomText(sizeBytes);
      const { told, onProgress } = recorder();
      const options = { ...NONE, filename: 'stream.txt', onProgress };
      const file = await (await clientOf('pieces')).upload(chunksOf(content, 700_000), options);
      expect(file).toMatchObject({ bytes: sizeBytes, sha256: digestOf(content) });
      expectOrdered(told, sizeBytes);
      expect(told[0]?.totalBytes).toBe(sizeBytes > 8 * MIB ? null : sizeBytes);
    },
  );

  it('to several providers is for these', async () => {
    const client = await clientOf('providers');
    const file = await client.upload(new Blob(['hello']), {
      filename: 'a.txt',
      provider: ['kimi', 'glm'],
    });
    const settled = await client.settled(file.id);
    expect(settled.deliveries.map(({ provider, status }) => `${provider} ${status}`).toSorted()).toEqual([
      'glm completed',
      'kimi completed',
    ]);
  });

  it.each<[string, Promise<string> | string, Buffer]>([
    ['U43', 'type_mismatch', Buffer.concat([pdf(), Buffer.alloc(6 * MIB, ' ')])],
    ['small', 'type_mismatch', pdf()],
    ['empty', 'empty_file', Buffer.alloc(0)],
  ])('that is refused at its end says why: %s', async (_, code, content) => {
    const client = await clientOf('refused');
    const error = await failureOf(client.upload(blobOf(content), { ...NONE, filename: 'a.png' }));
    expect(error).toMatchObject({ name: 'ClientError', code, requestId: expect.any(String) });
    expect((await client.files.list()).data).toEqual([]);
    expect((await client.quota()).bytes).toMatchObject({ used: 0, reserved: 0 });
  });

  it.each<[string, () => Parameters<Waybill['upload']>, string]>([
    ['a stream without a name', () => [chunksOf(Buffer.from('a'), 1)], 'no name'],
    ['a directory', () => [home], 'is a directory'],
    ['a device', () => ['/dev/null'], 'no regular file'],
    ['something else', () => [{} as Blob], 'is none'],
  ])('of %s is a mistake', async (_, argumentsOf, sentence) => {
    const client = await clientOf('mistakes');
    const error = await failureOf(client.upload(...argumentsOf()));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain(sentence);
  });

  it('of a path that is not there fails with what the system says', async () => {
    const error = await failureOf((await clientOf('mistakes')).upload(join(home, 'nothing')));
    expect(error).toMatchObject({ code: 'ENOENT' });
  });

  it('of a file that changes meanwhile is given up', async () => {
    const client = await clientOf('changed');
    const path = fileOf('changing.txt', large);
    const resume = createResumeDirectory(join(home, 'changed'));
    let hasChanged: Promise<void> | null = null;
    const onProgress = ({ sentBytes }: UploadProgress): void => {
      if (sentBytes > MIB) hasChanged ??= appendFile(path, 'more');
    };
    const error = await failureOf(client.upload(path, { ...NONE, resume, onProgress }));
    expect(hasChanged).not.toBeNull();
    expect(error).toMatchObject({ code: 'source_changed' });
    expect((await client.files.list()).data).toEqual([]);
    expect((await client.quota()).bytes).toMatchObject({ used: 0, reserved: 0 });
    expect(await readdir(join(home, 'changed'))).toEqual([]);
  });

  it.each([
    ['fewer', 6 * MIB - 1],
    ['more', 6 * MIB + 1],
  ])('of ranges that give %s bytes than they said is given up', async (_, givenBytes) => {
    const client = await clientOf('ranges');
    const open = () => chunksOf(randomText(givenBytes), 65_536);
    const error = await failureOf(
      client.upload({ sizeBytes: 6 * MIB, open }, { ...NONE, filename: 'a.txt' }),
    );
    expect(error).toMatchObject({ code: 'source_changed' });
    expect((await client.files.list()).data).toEqual([]);
  });

  it('whose source fails, fails with that and ends it', async () => {
    const fault = new Error('The disk is gone.');
    let isClosed = false;
    async function* broken(): AsyncGenerator<Uint8Array> {
      try {
        yield randomText(9 * MIB);
        throw fault;
      } finally {
        isClosed = true;
      }
    }
    const client = await clientOf('broken');
    expect(await failureOf(client.upload(broken(), { ...NONE, filename: 'a.txt' }))).toBe(fault);
    expect(isClosed).toBe(true);
    expect((await client.quota()).bytes).toMatchObject({ used: 0, reserved: 0 });
  });

  it('whose progress cannot be told fails with that', async () => {
    const fault = new Error('No room on the screen.');
    const onProgress = ({ sentBytes }: UploadProgress): void => {
      if (sentBytes > MIB) throw fault;
    };
    const upload = (await clientOf('telling')).upload(blobOf(large), {
      ...NONE,
      filename: 'a.txt',
      onProgress,
    });
    expect(await failureOf(upload)).toBe(fault);
  });

  it('that the token does not allow ends its source', async () => {
    let isClosed = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield Buffer.alloc(65_536, 'x');
      } finally {
        isClosed = true;
      }
    }
    const client = await clientOf('nobody', { token: 'nonsense' });
    const error = await failureOf(client.upload(endless(), { ...NONE, filename: 'a.txt' }));
    expect(error).toMatchObject({ code: 'invalid_token', httpStatus: 401 });
    await until('the source is closed', () => isClosed);
  });

  it('with a token that may not read says which file it has become', async () => {
    const client = await clientOf('writer', {
      token: await signToken({ sub: 'writer', scope: 'files:write' }),
    });
    const error = await failureOf(client.upload(blobOf(small), { ...NONE, filename: 'a.txt' }));
    expect(error).toMatchObject({ code: 'insufficient_scope', fileId: expect.stringMatching(/^file-/u) });
    const { data } = await (await clientOf('writer')).files.list();
    expect(data.map(({ id }) => id)).toEqual([(error as ClientError).fileId]);
  });
});

describe('an upload that is called off', () => {
  const content = randomText(24 * MIB);

  const callOff = async (
    client: Waybill,
    name: string,
    options: UploadOptions,
  ): Promise<UploadProgress[]> => {
    const controller = new AbortController();
    const reason = new Error('Enough.');
    const { told, onProgress } = recorder();
    const upload = client.upload(fileOf(name, content), {
      ...NONE,
      ...options,
      signal: controller.signal,
      onProgress: (progress) => {
        onProgress(progress);
        if (progress.sentBytes > 10 * MIB) controller.abort(reason);
      },
    });
    expect(await failureOf(upload)).toBe(reason);
    return told;
  };

  it('leaves nothing at the gateway', async () => {
    const client = await clientOf('discarding');
    await callOff(client, 'discarded.txt', {});
    expect((await client.quota()).bytes).toMatchObject({ used: 0, reserved: 0 });
    expect((await client.quota()).files).toMatchObject({ used: 0, reserved: 0 });
  });

  it('leaves nothing at the gateway, even of one that could be resumed, if asked to', async () => {
    const client = await clientOf('discarding');
    const resume = createResumeDirectory(join(home, 'discarded'));
    await callOff(client, 'discarded.txt', { resume, onAbort: 'discard' });
    expect((await client.quota()).bytes).toMatchObject({ used: 0, reserved: 0 });
    expect(await readdir(join(home, 'discarded'))).toEqual([]);
  });

  it('is gone on with by another client', async () => {
    const client = await clientOf('keeping');
    const resume = createResumeDirectory(join(home, 'kept'));
    await callOff(client, 'kept.txt', { resume });
    expect((await client.quota()).bytes).toMatchObject({ used: 0, reserved: content.length });
    const { told, onProgress } = recorder();
    const other = await clientOf('keeping');
    expect(await other.isBegun(join(home, 'kept.txt'), { ...NONE, resume })).toBe(true);
    expect(await other.isBegun(join(home, 'kept.txt'), { provider: 'kimi', resume })).toBe(false);
    const file = await other.upload(join(home, 'kept.txt'), { ...NONE, resume, onProgress });
    expect(file).toMatchObject({ bytes: content.length, sha256: digestOf(content) });
    expect(told[0]?.sentBytes).toBeGreaterThan(MIB);
    expectOrdered(told, content.length);
    expect(await readdir(join(home, 'kept'))).toEqual([]);
    expect(await other.isBegun(join(home, 'kept.txt'), { ...NONE, resume })).toBe(false);
  });

  it.each<[string, () => { source: AsyncIterable<Uint8Array>; hasEnded: () => boolean }]>([
    [
      'a stream of Node',
      () => {
        const source = new PassThrough();
        source.write('abc');
        return { source, hasEnded: () => source.destroyed };
      },
    ],
    [
      'a web stream',
      () => {
        let isCancelled = false;
        const cancel = (): void => {
          isCancelled = true;
        };
        return { source: new ReadableStream<Uint8Array>({ cancel }), hasEnded: () => isCancelled };
      },
    ],
  ])('ends %s that waits for bytes which never come', async (_, make) => {
    const { source, hasEnded } = make();
    const controller = new AbortController();
    const reason = new Error('Enough.');
    const client = await clientOf('waiting');
    const upload = client.upload(source, { ...NONE, filename: 'a.txt', signal: controller.signal });
    setImmediate(() => controller.abort(reason));
    expect(await failureOf(upload)).toBe(reason);
    expect(hasEnded()).toBe(true);
  });

  it('before it begins sends nothing', async () => {
    const client = await clientOf('never', { url: 'http://127.0.0.1:9' });
    const reason = new Error('Never.');
    const upload = client.upload(new Blob(['a']), { filename: 'a', signal: AbortSignal.abort(reason) });
    expect(await failureOf(upload)).toBe(reason);
  });
});

describe('an upload over connections that break', () => {
  const content = randomText(30 * MIB);

  it('goes on by itself where the gateway is: U36', async () => {
    const client = await clientOf('breaking', { url: proxy.url });
    const cuts = 5;
    for (let cut = 0; cut < cuts; cut += 1) proxy.cutAfter(randomInt(MIB, 5 * MIB));
    const { told, onProgress } = recorder();
    const waits: string[] = [];
    const onWait = (_: number, why: ClientError): void => void waits.push(why.code);
    const path = fileOf('breaking.txt', content);
    const file = await client.upload(path, { ...NONE, onProgress, onWait });
    expect(proxy.cutsLeft()).toBe(0);
    expect(file).toMatchObject({ bytes: content.length, sha256: digestOf(content) });
    expectOrdered(told, content.length);
    expect(waits.filter((code) => code === 'connection_lost')).toHaveLength(cuts);
    expect((await client.files.list()).data).toHaveLength(1);
  });

  it('goes on by itself with a stream, of which nothing can be read again', async () => {
    const client = await clientOf('breaking-stream', { url: proxy.url });
    for (let cut = 0; cut < 4; cut += 1) proxy.cutAfter(randomInt(MIB, 6 * MIB));
    const file = await client.upload(chunksOf(content, 1_234_567), { ...NONE, filename: 'stream.txt' });
    expect(proxy.cutsLeft()).toBe(0);
    expect(file).toMatchObject({ bytes: content.length, sha256: digestOf(content) });
  });

  it('is patient from the last byte that went, not from the first', async () => {
    const client = await clientOf('slow', { url: proxy.url });
    const patienceMs = 600;
    async function* slowly(start: number, end: number): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunksOf(content.subarray(start, end), MIB / 4)) {
        await new Promise((resolve) => setTimeout(resolve, 40));
        yield chunk;
      }
    }
    proxy.cutAfter(5 * MIB);
    const source = { sizeBytes: 6 * MIB, open: slowly };
    const began = performance.now();
    const file = await client.upload(source, { ...NONE, filename: 'slow.txt', patienceMs });
    expect(performance.now() - began).toBeGreaterThan(patienceMs);
    expect(proxy.cutsLeft()).toBe(0);
    expect(file.sha256).toBe(digestOf(content.subarray(0, 6 * MIB)));
  });

  it('sends a small file that was cut short again, as one file', async () => {
    const client = await clientOf('breaking-small', { url: proxy.url });
    proxy.cutAfter(1_000_000);
    proxy.cutAfter(1_500_000);
    const file = await client.upload(blobOf(content.subarray(0, 2 * MIB)), {
      ...NONE,
      filename: 'a.txt',
    });
    expect(file.bytes).toBe(2 * MIB);
    expect(proxy.cutsLeft()).toBe(0);
    expect((await client.files.list()).data.map(({ id }) => id)).toEqual([file.id]);
  });

  it('is resumed by another client from a random place', async () => {
    const resume = createResumeDirectory(join(home, 'cut'));
    const path = fileOf('cut.txt', content);
    const broken = await clientOf('resuming', { url: proxy.url });
    const cutAt = randomInt(9 * MIB, 25 * MIB);
    proxy.cutAfter(cutAt);
    const error = await failureOf(broken.upload(path, { ...NONE, resume, patienceMs: 0 }));
    expect(error).toMatchObject({ code: 'connection_lost' });
    const other = await clientOf('resuming', { url: proxy.url });
    const { told, onProgress } = recorder();
    const before = proxy.carriedBytes();
    const file = await other.upload(path, { ...NONE, resume, onProgress });
    expect(file).toMatchObject({ bytes: content.length, sha256: digestOf(content) });
    expect(told[0]?.sentBytes).toBeGreaterThan(0);
    const sentAgain = proxy.carriedBytes() - before;
    expect(sentAgain).toBeLessThan(content.length - (told[0]?.sentBytes ?? 0) + 64_000);
    expect(await readdir(join(home, 'cut'))).toEqual([]);
  });

  it('that was kept elsewhere, has gone, or is of another file begins anew', async () => {
    const client = await clientOf('strange');
    const path = fileOf('strange.txt', content);
    const kept = new Map<string, string>();
    const resume = {
      get: async (key: string) => kept.get(key) ?? null,
      set: async (key: string, url: string) => void kept.set(key, url),
      delete: async (key: string) => void kept.delete(key),
    };
    const seen: string[] = [];
    for (const stored of [
      'http://127.0.0.1:9/v1/tus/file-elsewhere',
      `${gateway.url}/v1/tus/file-gone`,
      `${gateway.url}/v1/files/../tus/x`,
      'nonsense',
    ]) {
      const answering = { ...resume, get: async () => stored };
      seen.push((await client.upload(path, { ...NONE, resume: answering })).sha256);
    }
    expect(new Set(seen)).toEqual(new Set([digestOf(content)]));
    expect(kept.size).toBe(0);
  });

  it('does without a store that fails', async () => {
    const fail = async (): Promise<never> => {
      throw new Error('No room.');
    };
    const client = await clientOf('storeless');
    const path = fileOf('storeless.txt', content);
    const file = await client.upload(path, { ...NONE, resume: { get: fail, set: fail, delete: fail } });
    expect(file.sha256).toBe(digestOf(content));
  });

  it('by two at once ends well for both', async () => {
    const resume = createResumeDirectory(join(home, 'shared'));
    const path = fileOf('shared.txt', content);
    // Begun, so that both find it.
    const controller = new AbortController();
    const begun = (await clientOf('two')).upload(path, {
      ...NONE,
      resume,
      signal: controller.signal,
      onProgress: ({ sentBytes }) => void (sentBytes > MIB && controller.abort()),
    });
    await failureOf(begun);
    const [one, other] = await Promise.all([clientOf('two'), clientOf('two')]);
    const files = await Promise.all([one, other].map((client) => client.upload(path, { ...NONE, resume })));
    expect(files.map(({ sha256 }) => sha256)).toEqual([digestOf(content), digestOf(content)]);
    expect(files[0]?.id).toBe(files[1]?.id);
    expect(await readdir(join(home, 'shared'))).toEqual([]);
  });

  it('to where nothing ever answered is given up at once', async () => {
    const client = await clientOf('nobody', { url: 'http://127.0.0.1:9' });
    const waits: number[] = [];
    const upload = client.upload(new Blob(['a']), { filename: 'a', onWait: (ms) => void waits.push(ms) });
    expect(await failureOf(upload)).toMatchObject({ code: 'gateway_unreachable' });
    expect(waits).toEqual([]);
  });
});

describe('an upload URL', () => {
  it('takes the file from whoever has it', async () => {
    const client = await clientOf('addresses');
    const { url, method, headers } = await client.createUploadUrl({
      filename: 'handed.txt',
      sizeBytes: 5,
      mediaType: 'text/plain',
      provider: ['none'],
      ttlSeconds: 60,
    });
    const answer = await fetch(url, { method, headers, body: 'hello' });
    expect(answer.ok).toBe(true);
    expect((await client.files.list()).data).toMatchObject([{ filename: 'handed.txt', bytes: 5 }]);
  });
});
