/** The browsers' client library, bundled as a page's author would, in a real browser, from another origin than the gateway's. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { build, type Rolldown } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from '../../src/app/gateway.ts';
import type * as Client from '../../src/client/browser.ts';
import { loadConfig } from '../../src/platform/config.ts';
import { createLogger } from '../../src/platform/log.ts';
import { openBrowser } from '../support/open-browser.ts';
import { preparePostgres } from '../support/prepared-postgres.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';

const ORIGIN = 'http://localhost:5173';
const MIB = 2 ** 20;
const UPLOAD_BYTES_PER_SECOND = 20 * MIB;

/** What the page has in its global scope. */
interface InPage {
  readonly client: typeof Client;
  /** The same file each time. */
  chosenFile(name: string, sizeBytes: number): File;
  connect(): Client.Waybill;
}
declare const self: InPage;

let home: string;
let gateway: Gateway;
let bundle: Rolldown.OutputChunk;
// Started while tests are collected, since some machines have none.
const browser: Browser | null = await openBrowser();

const bundled = async (): Promise<Rolldown.OutputChunk> => {
  const entry = join(import.meta.dirname, '../../src/client/browser.ts');
  const built = await build({
    configFile: false,
    logLevel: 'error',
    build: { write: false, target: 'esnext', minify: false, lib: { entry, formats: ['es'] } },
  });
  const [output] = [built].flat();
  if (output === undefined || !('output' in output)) throw new Error('Nothing was built.');
  return output.output[0];
};

const SCRIPT = `
  import * as client from '/client.js';
  globalThis.client = client;
  globalThis.chosenFile = (name, sizeBytes) => {
    const line = 'A line of a text that is long and dull.\\n';
    return new File([line.repeat(Math.ceil(sizeBytes / line.length)).slice(0, sizeBytes)], name, { lastModified: 1 });
  };
`;

const openPage = async (sub: string): Promise<Page> => {
  if (browser === null) throw new Error('There is no browser.');
  const context = await browser.newContext();
  const page = await context.newPage();
  // So slow that there is a middle of an upload.
  const devtools = await context.newCDPSession(page);
  const network = {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: UPLOAD_BYTES_PER_SECOND,
  };
  await devtools.send('Network.emulateNetworkConditions', network);
  const token = await signToken({ sub });
  const connect = `globalThis.connect = () => new client.Waybill(${JSON.stringify({ url: gateway.url, token })});`;
  const html = `<!doctype html><title>A page</title><script type="module">${SCRIPT}${connect}</script>`;
  await page.route(`${ORIGIN}/**`, (route) =>
    route.request().url().endsWith('/client.js')
      ? route.fulfill({ body: bundle.code, contentType: 'text/javascript' })
      : route.fulfill({ body: html, contentType: 'text/html' }),
  );
  await page.goto(ORIGIN);
  await page.waitForFunction(() => 'connect' in globalThis);
  return page;
};

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'waybill-browser-'));
  const env = {
    DATA_DIR: join(home, 'data'),
    PORT: '0',
    LOG_LEVEL: 'silent',
    JWT_SECRET_KEY: JWT_SECRET,
    CORS_ORIGINS: ORIGIN,
    RATE_LIMIT_PER_MINUTE: '0',
  };
  await preparePostgres(join(home, 'data/postgres'));
  [gateway, bundle] = await Promise.all([startGateway(loadConfig(env), createLogger('silent')), bundled()]);
});

afterAll(async () => {
  await browser?.close();
  await gateway?.close();
  rmSync(home, { recursive: true, force: true });
});

describe('the bundle for browsers', () => {
  it('needs nothing of Node', () => {
    const foreign = bundle.moduleIds.filter((id) =>
      /node:|undici|__vite-browser-external|client\/node\//u.test(id),
    );
    expect(foreign).toEqual([]);
    expect(bundle.imports).toEqual([]);
  });
});

describe.skipIf(browser === null)('in a browser', () => {
  it('a file is uploaded with progress, told of by events, and downloaded again', async () => {
    const page = await openPage('browser');
    const { told, events, file, downloaded } = await page.evaluate(async (sizeBytes) => {
      const { connect, chosenFile } = self;
      const waybill = connect();
      const events: string[] = [];
      const ending = new AbortController();
      const listening = (async () => {
        for await (const event of waybill.events({ signal: ending.signal })) {
          events.push(event.type);
          if (event.type === 'file.updated' && event.data.status === 'processed') ending.abort();
        }
      })();
      const told: Client.UploadProgress[] = [];
      const file = await waybill.upload(chosenFile('page.txt', sizeBytes), {
        provider: 'kimi',
        onProgress: (progress) => told.push(progress),
      });
      await waybill.settled(file.id);
      await listening;
      const { body } = await waybill.files.download(file.id);
      let downloaded = 0;
      for await (const chunk of body) downloaded += chunk.length;
      await waybill.close();
      return { told, events, file, downloaded };
    }, 10 * MIB);
    expect(file).toMatchObject({ filename: 'page.txt', bytes: 10 * MIB, media_type: 'text/plain' });
    expect(downloaded).toBe(10 * MIB);
    expect(events).toContain('file.updated');
    const sent = told.map(({ sentBytes }) => sentBytes);
    expect(sent[0]).toBe(0);
    expect(sent.at(-1)).toBe(10 * MIB);
    expect(sent.length).toBeGreaterThan(2);
    expect(sent).toEqual(sent.toSorted((a, b) => a - b));
  });

  it('an upload that was called off is gone on with after the page was loaded again', async () => {
    const page = await openPage('reloading');
    const reason = await page.evaluate(async (sizeBytes) => {
      const { client, connect, chosenFile } = self;
      const stopping = new AbortController();
      const upload = connect().upload(chosenFile('again.txt', sizeBytes), {
        provider: 'none',
        resume: client.browserResumeStore(),
        signal: stopping.signal,
        onProgress: ({ sentBytes }) => {
          if (sentBytes > sizeBytes / 3) stopping.abort('Enough.');
        },
      });
      return upload.then(
        () => null,
        (error: unknown) => error,
      );
    }, 24 * MIB);
    expect(reason).toBe('Enough.');
    await page.reload();
    await page.waitForFunction(() => 'connect' in globalThis);
    const { first, bytes, left } = await page.evaluate(async (sizeBytes) => {
      const { client, connect, chosenFile } = self;
      const told: number[] = [];
      const file = await connect().upload(chosenFile('again.txt', sizeBytes), {
        provider: 'none',
        resume: client.browserResumeStore(),
        onProgress: ({ sentBytes }) => told.push(sentBytes),
      });
      return { first: told[0], bytes: file.bytes, left: localStorage.length };
    }, 24 * MIB);
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(24 * MIB);
    expect(bytes).toBe(24 * MIB);
    expect(left).toBe(0);
  });

  it('what cannot be is said in a sentence', async () => {
    const page = await openPage('mistaken');
    const messages = await page.evaluate(async () => {
      const { client, connect } = self;
      const say = (error: unknown): string => `${(error as Error).name}: ${(error as Error).message}`;
      return await Promise.all([
        connect().upload('/etc/passwd').then(null, say),
        new client.Waybill({ url: 'http://127.0.0.1:9', token: 'x' }).quota().then(null, say),
      ]);
    });
    expect(messages[0]).toMatch(/^TypeError: A browser has no paths/u);
    expect(messages[1]).toMatch(
      /^ClientError: No gateway answers at http:\/\/127\.0\.0\.1:9, or it lets no page of this origin ask/u,
    );
  });

  it('streams and ranges arrive, in pieces', async () => {
    const page = await openPage('streaming');
    const sizes = await page.evaluate(async (sizeBytes) => {
      const { connect, chosenFile } = self;
      const file = chosenFile('stream.txt', sizeBytes);
      const waybill = connect();
      const options = { filename: 'stream.txt', provider: 'none' };
      async function* open(start: number, end: number): AsyncGenerator<Uint8Array> {
        yield new Uint8Array(await file.slice(start, end).arrayBuffer());
      }
      const files = [
        await waybill.upload(file, options),
        await waybill.upload(file.stream(), options),
        await waybill.upload({ sizeBytes, open }, options),
      ];
      return files.map(({ bytes, sha256 }) => `${bytes} ${sha256}`);
    }, 9 * MIB);
    expect(sizes[0]).toMatch(new RegExp(`^${9 * MIB} `, 'u'));
    expect(new Set(sizes).size).toBe(1);
  });
});
