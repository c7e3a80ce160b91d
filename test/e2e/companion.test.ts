import { once } from 'node:events';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { startMeteredProxy } from '../support/metered-proxy.ts';
import { randomText } from '../support/random-text.ts';
import {
  type Companion,
  isAlive,
  type StartCompanionOptions,
  startCompanion,
} from '../support/start-companion.ts';
import { type GatewayProcess, makeHome, startGateway } from '../support/start-gateway.ts';
import { createTus } from '../support/tus.ts';
import { until } from '../support/until.ts';

const MB = 2 ** 20;
const SIZE_BYTES = 24 * MB;
/** After which the network stands still. */
const PART_BYTES = 8 * MB;
/** Requests besides the bytes: heads, tokens, a second look. */
const OVERHEAD_BYTES = 64 * 1_024;

/** A directory of an agent's own, with a folder that may be read. */
const makeDesk = async (): Promise<{
  home: string;
  folder: string;
  put: (name: string, bytes: Buffer) => Promise<string>;
}> => {
  const home = await makeHome();
  const folder = join(home, 'files');
  await mkdir(folder);
  const put = async (name: string, bytes: Buffer): Promise<string> => {
    await writeFile(join(folder, name), bytes);
    return join(folder, name);
  };
  return { home, folder, put };
};

describe('the companion of a gateway elsewhere', () => {
  let gateway: GatewayProcess;
  let desk: Awaited<ReturnType<typeof makeDesk>>;

  beforeAll(async () => {
    gateway = await startGateway();
    desk = await makeDesk();
  });

  const start = (url: string, options: Partial<StartCompanionOptions> = {}): Promise<Companion> =>
    startCompanion({
      cwd: desk.home,
      env: { WAYBILL_URL: url, WAYBILL_TOKEN: gateway.token, ALLOWED_PATHS: desk.folder },
      ...options,
    });
  const openUploads = (): Promise<readonly { id: string }[]> =>
    gateway.query('select id from waybill.uploads');
  const offsetOf = async (id: string): Promise<number> =>
    (await createTus(gateway, gateway.token).offset(`/v1/tus/${id}`)) ?? -1;

  /** Uploads a file until the gateway has a part of it and no more comes. */
  const uploadPart = async (name: string) => {
    const path = await desk.put(name, randomText(SIZE_BYTES));
    const proxy = await startMeteredProxy(gateway.url);
    const companion = await start(proxy.url);
    await companion.call('get_quota');
    proxy.limit(PART_BYTES);
    const calling = companion.call('upload_file', { path, provider: 'none' });
    calling.catch(() => undefined);
    const upload = await until('the gateway has a part', async () => {
      const [found] = await openUploads();
      return found !== undefined && proxy.passedBytes() >= PART_BYTES && found;
    });
    return { path, proxy, companion, calling, id: upload.id };
  };

  it('uploads a file of its own disk, and delivers it', async () => {
    const companion = await start(gateway.url);
    const path = await desk.put('report.txt', randomText(20_000));
    const { structured, isError, text } = await companion.call('upload_file', { path, provider: 'kimi' });
    expect({ isError, text, structured }).toMatchObject({
      isError: false,
      structured: { filename: 'report.txt', bytes: 20_000, status: 'processed' },
    });
    const content = await companion.call('read_file_content', { id: structured.id, provider: 'kimi' });
    expect(content.isError).toBe(false);
    const listed = await companion.call('list_files', {});
    expect(listed.text).toContain('report.txt');
    expect((await companion.call('delete_file', { id: structured.id })).isError).toBe(false);
    await companion.close();
  });

  it('refuses other paths, and says what its user can do', async () => {
    const outside = await start(gateway.url);
    const { isError, text } = await outside.call('upload_file', { path: '/etc/passwd' });
    expect(isError).toBe(true);
    expect(text).toMatch(/^path_not_allowed: /u);
    expect(text).toContain(desk.folder);
    await outside.close();
    const closed = await start(gateway.url, {
      env: { WAYBILL_URL: gateway.url, WAYBILL_TOKEN: gateway.token },
    });
    const nothing = await closed.call('upload_file', { path: join(desk.folder, 'report.txt') });
    expect(nothing.text).toMatch(/^path_not_allowed: .*ALLOWED_PATHS.*"env"/u);
    await closed.close();
  });

  it('takes nothing from the .env of the project that it runs in', async () => {
    const project = await makeDesk();
    await writeFile(
      join(project.home, '.env'),
      `ALLOWED_PATHS=/etc\nWAYBILL_URL=http://127.0.0.1:1\nWAYBILL_TOKEN=stolen\nPORT=none\n`,
    );
    const companion = await start(gateway.url, {
      cwd: project.home,
      args: ['--url', gateway.url],
      env: { WAYBILL_TOKEN: gateway.token },
    });
    expect((await companion.call('get_quota')).isError).toBe(false);
    expect((await companion.call('upload_file', { path: '/etc/passwd' })).text).toMatch(
      /^path_not_allowed: No file/u,
    );
    await companion.close();
  });

  it('says that no gateway answers, and that a token is refused, and lives on', async () => {
    const lost = await start('http://127.0.0.1:1');
    for (const _ of [1, 2]) {
      expect((await lost.call('list_files', {})).text).toMatch(/^gateway_unreachable: .*127\.0\.0\.1:1/u);
    }
    await lost.close();
    const refused = await start(gateway.url, {
      env: { WAYBILL_URL: gateway.url, WAYBILL_TOKEN: 'not.a.token', ALLOWED_PATHS: desk.folder },
    });
    const path = await desk.put('refused.txt', randomText(1_000));
    for (const call of [() => refused.call('get_quota'), () => refused.call('upload_file', { path })]) {
      expect((await call()).text).toMatch(/^invalid_token: /u);
    }
    await refused.close();
  });

  it('leaves nothing of an upload that is cancelled', async () => {
    const path = await desk.put('cancelled.txt', randomText(SIZE_BYTES));
    const proxy = await startMeteredProxy(gateway.url);
    const companion = await start(proxy.url);
    await companion.call('get_quota');
    proxy.limit(PART_BYTES);
    const cancelling = new AbortController();
    const calling = companion.call('upload_file', { path, provider: 'none' }, { signal: cancelling.signal });
    calling.catch(() => undefined);
    await until(
      'the upload has begun',
      async () => proxy.passedBytes() >= PART_BYTES && (await openUploads()).length === 1,
    );
    cancelling.abort();
    await expect(calling).rejects.toThrow();
    proxy.limit(Number.POSITIVE_INFINITY);
    await until('the gateway has forgotten it', async () => (await openUploads()).length === 0);
    expect((await companion.call('list_files', { q: 'cancelled' })).text).not.toContain('cancelled.txt');
    await companion.close();
  });

  it('goes on where it was killed, once it is asked again', async () => {
    const { path, proxy, companion, id } = await uploadPart('killed.txt');
    await companion.kill9();
    proxy.limit(Number.POSITIVE_INFINITY);
    const offset = await until('the gateway has let go of it', async () => {
      const at = await offsetOf(id);
      return at > 0 && at;
    });
    const passedBytes = proxy.passedBytes();
    const next = await start(proxy.url);
    const seen: number[] = [];
    const { structured, isError, text } = await next.call(
      'upload_file',
      { path, provider: 'none' },
      { onprogress: ({ progress }) => seen.push(progress) },
    );
    expect({ isError, text }).toMatchObject({ isError: false });
    expect(structured).toMatchObject({ id, bytes: SIZE_BYTES });
    expect(seen[0]).toBeGreaterThanOrEqual(offset);
    const restBytes = proxy.passedBytes() - passedBytes;
    expect(restBytes).toBeGreaterThanOrEqual(SIZE_BYTES - offset);
    expect(restBytes).toBeLessThan(SIZE_BYTES - offset + OVERHEAD_BYTES);
    await next.close();
  });

  it('sends a file that was changed meanwhile from its beginning', async () => {
    const { path, proxy, companion, id } = await uploadPart('changed.txt');
    await companion.kill9();
    proxy.limit(Number.POSITIVE_INFINITY);
    await appendFile(path, 'more');
    const next = await start(proxy.url);
    const { structured } = await next.call('upload_file', { path, provider: 'none' });
    expect(structured.bytes).toBe(SIZE_BYTES + 4);
    expect(structured.id).not.toBe(id);
    await next.close();
    await createTus(gateway, gateway.token).call('DELETE', `/v1/tus/${id}`);
  });

  it('keeps what was sent when its agent goes away', async () => {
    const { path, proxy, companion, id } = await uploadPart('left.txt');
    await companion.close();
    proxy.limit(Number.POSITIVE_INFINITY);
    const offset = await until('the gateway has let go of it', async () => {
      const at = await offsetOf(id);
      return at > 0 && at;
    });
    expect(offset).toBeLessThan(SIZE_BYTES);
    const next = await start(proxy.url);
    expect((await next.call('upload_file', { path, provider: 'none' })).structured.id).toBe(id);
    await next.close();
  });

  it('keeps a file whose deliveries go on when its agent goes away', async () => {
    const stuck = await startGateway({
      env: { KIMI_API_KEY: 'nobody-is-there', KIMI_BASE_URL: 'http://127.0.0.1:1/v1' },
    });
    const companion = await start(stuck.url, {
      env: { WAYBILL_URL: stuck.url, WAYBILL_TOKEN: stuck.token, ALLOWED_PATHS: desk.folder },
    });
    const path = await desk.put('pending.txt', randomText(20_000));
    companion.call('upload_file', { path, provider: 'kimi' }).catch(() => undefined);
    const files = () => stuck.query<{ deleted_at: Date | null }>('select deleted_at from waybill.files');
    await until('the file is safe', async () => (await files()).length === 1);
    await companion.close();
    expect(await files()).toEqual([{ deleted_at: null }]);
    await stuck.stop();
  });

  it('goes on by itself when the gateway was killed and started again', async () => {
    const { proxy, companion, calling, id } = await uploadPart('survivor.txt');
    await gateway.kill9();
    gateway = await startGateway({ home: gateway.home });
    const offset = await offsetOf(id);
    expect(offset).toBeGreaterThan(0);
    const passedBytes = proxy.passedBytes();
    proxy.target(gateway.url);
    proxy.limit(Number.POSITIVE_INFINITY);
    const { structured, text } = await calling;
    expect(structured, text).toMatchObject({ id, bytes: SIZE_BYTES });
    expect(proxy.passedBytes() - passedBytes).toBeLessThan(SIZE_BYTES - offset + OVERHEAD_BYTES + PART_BYTES);
    await companion.close();
  });
});

describe('the companion on its own', () => {
  const start = (cwd: string, env: Readonly<Record<string, string>> = {}): Promise<Companion> =>
    startCompanion({
      cwd,
      env: { PORT: '0', ALLOWED_PATHS: join(cwd, 'files'), RATE_LIMIT_PER_MINUTE: '0', ...env },
    });
  const ownerOf = async (dataDir: string): Promise<number> =>
    Number(await readFile(join(dataDir, 'gateway.pid'), 'utf8'));

  it('runs everything in its process, in an empty directory, whatever has its port', async () => {
    const { home, put } = await makeDesk();
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const companion = await start(home, { PORT: String((taken.address() as AddressInfo).port) });
    expect((await companion.client.listTools()).tools.length).toBe(8);
    const path = await put('alone.txt', randomText(30_000));
    const { structured, text } = await companion.call('upload_file', { path });
    expect(structured, text).toMatchObject({ bytes: 30_000, status: 'processed' });
    expect((await companion.call('upload_file', { path: join(home, '.waybill/jwt-secret') })).isError).toBe(
      true,
    );
    await companion.close();
    taken.close();
    expect(isAlive(companion.pid)).toBe(false);
  });

  it('joins the gateway that has the data directory, and takes its place when that goes', async () => {
    const { home, put } = await makeDesk();
    const gateway = await startGateway({ home });
    const companion = await start(home, { DATA_DIR: gateway.dataDir });
    const path = await put('joined.txt', randomText(30_000));
    const { structured } = await companion.call('upload_file', { path });
    const answer = await fetch(`${gateway.url}/v1/files/${structured.id}`, {
      headers: { authorization: `Bearer ${gateway.token}` },
    });
    expect(await answer.json()).toMatchObject({ filename: 'joined.txt' });
    await gateway.stop();
    const ask = () => companion.call('get_file', { id: structured.id });
    for (const found of await Promise.all([ask(), ask(), ask(), ask()])) {
      expect(found.structured, found.text).toMatchObject({ id: structured.id });
    }
    expect(await ownerOf(gateway.dataDir)).toBe(companion.pid);
    await companion.close();
    await expect(ownerOf(gateway.dataDir)).rejects.toThrow('ENOENT');
  });

  it('shares a new directory with another, which goes on when the owner is killed', async () => {
    const { home, put } = await makeDesk();
    const both = await Promise.all([start(home), start(home)]);
    const path = await put('shared.txt', randomText(30_000));
    const answers = await Promise.all(both.map((companion) => companion.call('upload_file', { path })));
    expect(answers.map(({ structured, text }) => structured.status ?? text)).toEqual([
      'processed',
      'processed',
    ]);
    const owner = await ownerOf(join(home, '.waybill'));
    const [first, other] = both[0].pid === owner ? both : both.toReversed();
    expect(first?.pid).toBe(owner);

    const large = await put('large.txt', randomText(100 * MB));
    let sentBytes = 0;
    const calling = other?.call(
      'upload_file',
      { path: large, provider: 'none' },
      { onprogress: ({ progress }) => (sentBytes = progress) },
    );
    await until('some of it has been sent', () => sentBytes > 0);
    await first?.kill9();
    const answer = await calling;
    expect(answer?.structured, answer?.text).toMatchObject({ bytes: 100 * MB });
    expect(await ownerOf(join(home, '.waybill'))).toBe(other?.pid);
    const listed = await other?.call('list_files', {});
    expect(listed?.text).toContain('shared.txt');
    await other?.close();
  });

  it('says why it cannot start, each time it is asked, and lives on', async () => {
    const { home } = await makeDesk();
    const companion = await start(home, { DATABASE_URL: 'postgres://127.0.0.1:1/none' });
    for (const _ of [1, 2]) {
      expect((await companion.call('get_quota')).text).toMatch(
        /^gateway_unreachable: The database cannot be reached/u,
      );
    }
    await companion.close();
  });
});
