import { createHash } from 'node:crypto';
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';

export interface SecurityHeadersOptions {
  /** Whether users reach the gateway by https only, so that browsers may be told never to use anything else. */
  readonly isHttps: boolean;
  /** Origins of web pages elsewhere that may call the API. Empty: none, and no CORS header is ever sent. */
  readonly corsOrigins: readonly string[];
}

const API_POLICY = "default-src 'none'; frame-ancestors 'none'";
const YEAR_SECONDS = 31_536_000;
/** How long a browser may remember what a preflight said; the most that Chromium keeps. */
const PREFLIGHT_SECONDS = 7_200;

/** For the few answers that are given before any hook runs. */
export const bareSecurityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': API_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** Puts headers on every answer that keep browsers from making more of it than data. Pages of ours widen the policy themselves. */
export const registerSecurityHeaders = async (
  app: FastifyInstance,
  { isHttps, corsOrigins }: SecurityHeadersOptions,
): Promise<void> => {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] },
    },
    strictTransportSecurity: isHttps && { maxAge: YEAR_SECONDS, includeSubDomains: false },
    xFrameOptions: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
    // Of use to browsers that no longer exist, or to none.
    xDownloadOptions: false,
    xXssProtection: false,
    xDnsPrefetchControl: false,
  });
  if (corsOrigins.length > 0) await registerCors(app, corsOrigins);
};

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const REQUEST_HEADERS = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-Match',
  'If-None-Match',
  'If-Range',
  'Last-Event-ID',
  'MCP-Protocol-Version',
  'Mcp-Method',
  'Mcp-Name',
  'Mcp-Session-Id',
  'Prefer',
  'Range',
  'Traceparent',
  'Tracestate',
  'Tus-Resumable',
  'Upload-Checksum',
  'Upload-Defer-Length',
  'Upload-Length',
  'Upload-Metadata',
  'Upload-Offset',
  'X-HTTP-Method-Override',
  'X-Request-ID',
  'X-Requested-With',
];
const ANSWER_HEADERS = [
  'Accept-Ranges',
  'Content-Disposition',
  'Content-Range',
  'Deprecation',
  'ETag',
  'Location',
  'Mcp-Session-Id',
  'Preference-Applied',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'Sunset',
  'Tus-Checksum-Algorithm',
  'Tus-Extension',
  'Tus-Max-Size',
  'Traceparent',
  'Tracestate',
  'Tus-Resumable',
  'Tus-Version',
  'Upload-Expires',
  'Upload-Length',
  'Upload-Metadata',
  'Upload-Offset',
  'X-Request-ID',
];

/** Tokens come in a header and never in a cookie, so credentials are not allowed; origins must match to the letter. */
const registerCors = async (app: FastifyInstance, origins: readonly string[]): Promise<void> => {
  const origin = origins.map((one) => one.toLowerCase());
  await app.register(cors, {
    delegator: ({ headers }, callback) =>
      callback(null, {
        origin,
        // An OPTIONS that is no preflight asks the route itself, as tus does.
        preflight: headers.origin !== undefined && headers['access-control-request-method'] !== undefined,
        methods: METHODS,
        allowedHeaders: REQUEST_HEADERS,
        exposedHeaders: ANSWER_HEADERS,
        maxAge: PREFLIGHT_SECONDS,
        credentials: false,
      }),
  });
};

/**
 * Lets the HTML of a library, on routes registered after this on `app`, run what it contains, by its digest, and what is
 * served from here, and nothing else. Headers by which the library would open its routes to other origins are dropped.
 */
export const allowOwnScripts = (app: FastifyInstance): void => {
  app.addHook('onSend', async (_request, reply, payload) => {
    for (const name of ['access-control-allow-origin', 'access-control-allow-methods'])
      if (reply.getHeader(name) === '*') reply.removeHeader(name);
    if (typeof payload !== 'string' || !String(reply.getHeader('content-type')).startsWith('text/html'))
      return payload;
    const digests = [...payload.matchAll(/<script(?![^>]*\ssrc=)[^>]*>(.*?)<\/script>/gsu)].map(
      ([, script = '']) => ` 'sha256-${createHash('sha256').update(script).digest('base64')}'`,
    );
    reply.header(
      'content-security-policy',
      `default-src 'none'; script-src 'self'${digests.join('')}; style-src 'self' 'unsafe-inline'; ` +
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'none'; " +
        "frame-ancestors 'none'; base-uri 'none'",
    );
    return payload;
  });
};
