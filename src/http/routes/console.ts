import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { type ConsoleFile, openConsoleFiles } from '../console-files.ts';
import { chooseCoding } from '../content-coding.ts';

export interface ConsoleOptions {
  /** Where users sign in, for the one call that leaves the gateway; null: with a token, here. */
  readonly supabaseUrl: string | null;
  /** Where the built console is. Default: `dist/console` of the package. */
  readonly directory?: string;
}

/** Names of assets change with their content (RFC 8246). */
const FOR_GOOD = 'public, max-age=31536000, immutable';
/** A new version is seen at the next load; what has not changed is answered with 304. */
const ASK_AGAIN = 'no-cache';

const NOT_BUILT =
  '<!doctype html><html lang="en"><title>Waybill</title>' +
  '<p>The console has not been built: run <code>npm run build</code>, then load this page again.</p></html>';

/**
 * The console: `/`, the picture of its tab, and the files it consists of. Needs no token, holds nothing of anybody's.
 * Its policy lets it load what is served here and nothing else; nothing is inline, and nobody may frame it.
 */
export const consoleRoutes: FastifyPluginAsync<ConsoleOptions> = async (app, { supabaseUrl, directory }) => {
  const files = openConsoleFiles(directory);
  const headers = {
    'content-security-policy': policyWith(supabaseUrl),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
  const schema = { hide: true };
  for (const [path, name] of [
    ['/', 'index.html'],
    ['/mark.svg', 'mark.svg'],
  ] as const) {
    app.get(path, { schema }, async (request, reply) => {
      reply.headers({ ...headers, 'cache-control': ASK_AGAIN });
      const file = await files.top(name);
      if (file === null) return reply.code(503).type('text/html; charset=utf-8').send(NOT_BUILT);
      return answer(request, reply, file);
    });
  }
  app.get<{ Params: { name: string } }>('/assets/:name', { schema }, async (request, reply) => {
    const file = await files.asset(request.params.name);
    if (file === null) return reply.callNotFound();
    reply.headers({ ...headers, 'cache-control': FOR_GOOD });
    return answer(request, reply, file);
  });
};

const answer = async (
  request: FastifyRequest,
  reply: FastifyReply,
  file: ConsoleFile,
): Promise<FastifyReply> => {
  reply.header('etag', file.etag);
  if (file.isText) reply.header('vary', 'Accept-Encoding');
  // A client that has the same content in another coding has it all the same (RFC 9110, 13.1.2).
  if (tagsOf(request.headers['if-none-match']).includes(file.etag)) return reply.code(304).send();
  const coding = file.isText ? chooseCoding(request.headers['accept-encoding']) : 'identity';
  if (coding !== 'identity') reply.header('content-encoding', coding);
  return reply.type(file.mediaType).send(await file.encoded(coding));
};

const tagsOf = (header: string | undefined): readonly string[] => (header ?? '').split(/\s*,\s*/u);

/** `blob:` is what the page itself has read with its token, such as the picture in a preview. */
const policyWith = (supabaseUrl: string | null): string => {
  const elsewhere = supabaseUrl === null ? '' : ` ${new URL(supabaseUrl).origin}`;
  return (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; " +
    `connect-src 'self'${elsewhere}; object-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'`
  );
};
