import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from '../../src/app/gateway.ts';
import { consoleRoutes } from '../../src/http/routes/console.ts';
import { loadConfig } from '../../src/platform/config.ts';
import { createLogger } from '../../src/platform/log.ts';

const policyWith = (elsewhere: string): string =>
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; " +
  `connect-src 'self'${elsewhere}; object-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'`;

const SCRIPT = 'export const everything = 42;\n'.repeat(200);

let directory: string;
let build: string;

/** The console's routes over a build of our own. */
const serve = async (options: { supabaseUrl?: string } = {}): Promise<FastifyInstance> => {
  const app = fastify();
  await app.register(consoleRoutes, { supabaseUrl: null, directory: build, ...options });
  return app;
};

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'console-'));
  build = join(directory, 'build');
  mkdirSync(join(build, 'assets'), { recursive: true });
  writeFileSync(join(build, 'index.html'), '<!doctype html><p>first</p>');
  writeFileSync(join(build, 'mark.svg'), '<svg/>');
  writeFileSync(join(build, 'assets/index-abc.js'), SCRIPT);
  writeFileSync(join(build, 'assets/inter.woff2'), Buffer.alloc(2_000));
  writeFileSync(join(build, 'assets/.env'), 'SECRET=1');
  writeFileSync(join(build, 'other.json'), '{}');
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('the console as it is served', () => {
  it.each([
    ['/', 'text/html; charset=utf-8', 'no-cache'],
    ['/mark.svg', 'image/svg+xml', 'no-cache'],
    ['/assets/index-abc.js', 'text/javascript; charset=utf-8', 'public, max-age=31536000, immutable'],
    ['/assets/inter.woff2', 'font/woff2', 'public, max-age=31536000, immutable'],
  ])('has %s, as %s, kept as %s, and may do nothing it does not need', async (url, type, kept) => {
    const app = await serve();
    const answer = await app.inject({ url });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': type,
      'cache-control': kept,
      'content-security-policy': policyWith(''),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
  });

  it('may also call where its users sign in, and nothing of the address but the origin counts', async () => {
    const app = await serve({ supabaseUrl: 'https://abc.supabase.co/some/path' });
    const { headers } = await app.inject({ url: '/' });
    expect(headers['content-security-policy']).toBe(policyWith(' https://abc.supabase.co'));
  });

  it('is compressed as the client likes it best, and says what that depends on', async () => {
    const app = await serve();
    const get = (accepted?: string) =>
      app.inject({
        url: '/assets/index-abc.js',
        headers: accepted === undefined ? {} : { 'accept-encoding': accepted },
      });
    const [plain, gzip, brotli] = [await get(), await get('gzip'), await get('gzip, br')];
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(plain.body).toBe(SCRIPT);
    expect(gzip.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(gzip.rawPayload).toString()).toBe(SCRIPT);
    expect(brotli.headers['content-encoding']).toBe('br');
    expect(brotliDecompressSync(brotli.rawPayload).toString()).toBe(SCRIPT);
    for (const { headers } of [plain, gzip, brotli]) expect(headers.vary).toBe('Accept-Encoding');
    const font = await app.inject({ url: '/assets/inter.woff2', headers: { 'accept-encoding': 'br' } });
    expect([font.headers['content-encoding'], font.headers.vary]).toEqual([undefined, undefined]);
  });

  it('answers 304 to whoever has the page already, and shows a new build at the next load', async () => {
    const app = await serve();
    const etag = String((await app.inject({ url: '/' })).headers.etag);
    const again = { url: '/', headers: { 'if-none-match': `"other", ${etag}`, 'accept-encoding': 'br' } };
    expect((await app.inject(again)).statusCode).toBe(304);
    writeFileSync(join(build, 'index.html'), '<!doctype html><p>second</p>');
    const after = await app.inject({ ...again, headers: { 'if-none-match': etag } });
    expect([after.statusCode, after.body]).toEqual([200, '<!doctype html><p>second</p>']);
  });

  it('gives out nothing else', async () => {
    const app = await serve();
    for (const url of [
      '/other.json',
      '/assets/.env',
      '/assets/index-abc.css',
      '/assets/..%2findex.html',
      '/assets/..%2f..%2fbuild%2findex.html',
    ])
      expect((await app.inject({ url })).statusCode, url).toBe(404);
  });

  it('says what to do where it has not been built, and is there once it has', async () => {
    const empty = join(directory, 'later');
    const app = fastify();
    await app.register(consoleRoutes, { supabaseUrl: null, directory: empty });
    const before = await app.inject({ url: '/' });
    expect(before.statusCode).toBe(503);
    expect(before.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(before.body).toContain('npm run build');
    mkdirSync(empty);
    writeFileSync(join(empty, 'index.html'), '<!doctype html>');
    expect((await app.inject({ url: '/' })).statusCode).toBe(200);
  });
});

describe('the console of a gateway', () => {
  let gateway: Gateway;

  beforeAll(async () => {
    const config = loadConfig({ DATA_DIR: join(directory, 'data'), PORT: '0' });
    gateway = await startGateway(config, createLogger('silent'));
  });

  afterAll(async () => await gateway?.close());

  it('has nothing inline, which its policy would refuse, and only parts that are served', async () => {
    const page = await fetch(gateway.url);
    expect(page.status).toBe(200);
    const html = await page.text();
    expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)/u);
    const parts = [...html.matchAll(/\b(?:src|href)="([^"]*)"/gu)].map(([, path = '']) => path);
    expect(parts.length).toBeGreaterThan(2);
    for (const part of parts) {
      expect(part).toMatch(/^\.\//u);
      expect((await fetch(new URL(part, gateway.url))).status, part).toBe(200);
    }
  });

  it('stays out of the API description', async () => {
    const answer = await fetch(new URL('/openapi.json', gateway.url));
    const { paths } = (await answer.json()) as { paths: Record<string, unknown> };
    expect(Object.keys(paths)).toContain('/v1/files');
    expect(Object.keys(paths).filter((path) => !/^\/(v1|livez|readyz|metrics)/u.test(path))).toEqual([]);
  });
});
