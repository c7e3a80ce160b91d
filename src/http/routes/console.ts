import { createHash } from 'node:crypto';
import { existsSync, globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { FastifyPluginAsync } from 'fastify';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

/** The console is all its own: nothing from elsewhere, nothing inline, in nobody's frame. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  // A new version is seen at the next load; what has not changed is answered with 304.
  'cache-control': 'no-cache',
};

/** The console: `/` and the files it consists of, read once. Needs no token, holds nothing of anybody's. */
export const consoleRoutes: FastifyPluginAsync = async (app) => {
  const directory = webDirectory();
  for (const path of globSync('**/*.{html,css,js}', { cwd: directory })) {
    const content = await readFile(join(directory, path));
    const type = TYPES[extname(path)] ?? 'application/octet-stream';
    const etag = `"${createHash('sha256').update(content).digest('base64url')}"`;
    const address = path === 'index.html' ? '/' : `/${path.replaceAll('\\', '/')}`;
    app.get(address, { schema: { hide: true } }, async (request, reply) => {
      reply.headers({ ...HEADERS, etag });
      // A proxy that compresses makes the tag a weak one.
      if (request.headers['if-none-match']?.replace(/^W\//u, '') === etag) return reply.code(304).send();
      return reply.type(type).send(content);
    });
  }
};

/** From `src/http/routes` and from `dist/src/http/routes` it is not equally far. */
const webDirectory = (): string => {
  const found = ['../../../web', '../../../../web']
    .map((path) => join(import.meta.dirname, path))
    .find((path) => existsSync(join(path, 'index.html')));
  if (found === undefined) throw new Error('The console is not there: the folder web is missing.');
  return found;
};
