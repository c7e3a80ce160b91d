import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from '../../src/app/gateway.ts';
import { loadConfig } from '../../src/platform/config.ts';
import { createLogger } from '../../src/platform/log.ts';

const WEB = join(import.meta.dirname, '../../web');
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

let directory: string;
let gateway: Gateway;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'console-'));
  gateway = await startGateway(loadConfig({ DATA_DIR: directory, PORT: '0' }), createLogger('silent'));
});

afterAll(async () => {
  await gateway?.close();
  rmSync(directory, { recursive: true, force: true });
});

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(new URL(path, gateway.url), { headers });

/** What a page or a module loads with `src`, `href` or `import`; comments also import, but only types. */
const referencesOf = (text: string): string[] =>
  [
    ...text
      .replace(/\/\*.*?\*\//gsu, '')
      .matchAll(/\b(?:src|href)="([^"]*)"|\b(?:from|import\()\s*'([^']*)'/gu),
  ].map(([, attribute, specifier]) => attribute ?? specifier ?? '');

describe('the console', () => {
  it.each([
    ['/', 'text/html; charset=utf-8'],
    ['/console.css', 'text/css; charset=utf-8'],
    ['/console.js', 'text/javascript; charset=utf-8'],
    ['/console/api.js', 'text/javascript; charset=utf-8'],
  ])('serves %s without a token, as %s, and lets it do nothing it does not need', async (path, type) => {
    const response = await get(path);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': type,
      'content-security-policy': POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-cache',
    });
  });

  it('answers 304 to whoever has the file already', async () => {
    const etag = (await get('/console.js')).headers.get('etag') ?? '';
    expect((await get('/console.js', { 'if-none-match': etag })).status).toBe(304);
    expect((await get('/console.js', { 'if-none-match': '"another"' })).status).toBe(200);
  });

  it('consists of local files only, each of which is there and served', async () => {
    const base = new URL('/', gateway.url);
    const seen = new Set<string>();
    const follow = async (url: URL): Promise<void> => {
      if (seen.has(url.pathname)) return;
      seen.add(url.pathname);
      const response = await fetch(url);
      expect(response.status, url.pathname).toBe(200);
      for (const reference of referencesOf(await response.text())) {
        if (reference.startsWith('data:') || reference.startsWith('#') || reference === './docs') continue;
        const next = new URL(reference, url);
        expect(next.origin, reference).toBe(base.origin);
        expect(existsSync(join(WEB, next.pathname)), reference).toBe(true);
        await follow(next);
      }
    };
    await follow(base);
    expect([...seen]).toEqual(
      expect.arrayContaining(['/', '/console.css', '/console.js', '/console/api.js']),
    );
  });

  it('has nothing inline, which its policy would refuse', async () => {
    const html = await (await get('/')).text();
    expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)/u);
  });

  it('serves nothing of its folder that is not the console', async () => {
    expect((await get('/tsconfig.json')).status).toBe(404);
    expect((await get('/console/..%2ftsconfig.json')).status).toBe(404);
  });

  it('stays out of the API description', async () => {
    const { paths } = (await (await get('/openapi.json')).json()) as { paths: Record<string, unknown> };
    expect(Object.keys(paths)).toContain('/v1/files');
    expect(Object.keys(paths).filter((path) => path === '/' || path.startsWith('/console'))).toEqual([]);
  });
});
