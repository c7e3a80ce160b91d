import { once } from 'node:events';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import type { Browser } from 'playwright-core';
import { build } from 'vite';

const ROOT = join(import.meta.dirname, '../..');
const MEDIA_TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' };

/** A web site: what is in its directory is at its origin. */
export interface Site {
  readonly origin: string;
  readonly directory: string;
  close(): void;
}

/** Serves a directory, which is made, on loopback. The caller closes it and removes the directory. */
export const startSite = async (directory: string): Promise<Site> => {
  await mkdir(directory, { recursive: true });
  const server = createServer(async ({ url = '/' }, response) => {
    const { pathname } = new URL(url, 'http://site');
    const path = join(directory, pathname.endsWith('/') ? `${pathname}index.html` : pathname);
    const body = await readFile(path).catch(() => null);
    if (body === null) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': MEDIA_TYPES[extname(path)] ?? 'text/plain' }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    directory,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
};

export interface OpenedPage {
  /** Chooses a file of this machine in the page's first file input. */
  choose(path: string): Promise<void>;
  /** What the page has logged and not caught so far, a line each. */
  printed(): string;
}

/** Builds a page of a site as its author would, with Vite, and opens it. Closed with the browser. */
export const openPage = async (
  browser: Browser,
  { site, name, html }: { site: Site; name: string; html: string },
): Promise<OpenedPage> => {
  const root = join(site.directory, `${name}-source`);
  await mkdir(root);
  await writeFile(join(root, 'index.html'), html);
  await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  const outDir = join(site.directory, name);
  await build({
    root,
    base: './',
    // As the package's `browser` condition has it.
    resolve: { alias: { 'waybill/client': join(ROOT, 'src/client/browser.ts') } },
    configFile: false,
    logLevel: 'error',
    build: { target: 'esnext', outDir },
  });

  const page = await browser.newPage();
  const lines: string[] = [];
  page.on('console', (message) => void lines.push(message.text()));
  page.on('pageerror', (error) => void lines.push(String(error)));
  await page.goto(`${site.origin}/${name}/`);
  return {
    choose: (path) => page.locator('input[type=file]').first().setInputFiles(path),
    printed: () => lines.map((line) => `${line}\n`).join(''),
  };
};
