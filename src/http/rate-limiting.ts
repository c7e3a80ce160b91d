import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../admission/rate-limit-keys.ts';
import { type Bucket, type RateLimits, type Standing, WINDOW_SECONDS } from '../admission/rate-limits.ts';
import { GatewayError } from '../core/errors.ts';
import type { HttpMetrics } from '../platform/metrics-http.ts';
import { principalIfKnown } from './principals.ts';

/** Routes that bring bytes of files. */
const UPLOADS: ReadonlySet<string> = new Set([
  'POST /v1/files',
  'PUT /v1/files',
  'POST /v1/tus',
  'POST /v1/tus/',
  'PATCH /v1/tus/:id',
  // With the method it means in a header, which is `PATCH` of those that need this.
  'POST /v1/tus/:id',
  'PUT /v1/upload-urls/:id',
]);
/** The API and nothing else: probes, metrics, the documentation and the console must answer while somebody is refused. */
const LIMITED = /^\/(v1|mcp)(\/|$)/u;

const counted = new WeakSet<FastifyRequest>();
const limitsOf = new WeakMap<FastifyInstance['server'], CountedLimits>();

interface CountedLimits extends RateLimits {
  /** Told whom a call was refused for. */
  readonly onRefusal: (limit: Caller['kind']) => void;
}

/**
 * Counts the calls to every route of the API registered after this, and refuses with `rate_limited` before a byte of the
 * body is read. A call counts for its user, and for its address where there is no good token: so nobody's bad tokens are
 * of any consequence to those who share the address and have good ones. To be registered before whatever tells clients to
 * send their body.
 */
export const limitRates = (app: FastifyInstance, limits: RateLimits, metrics: HttpMetrics): void => {
  limitsOf.set(app.server, { ...limits, onRefusal: metrics.rateLimited });
  app.addHook('preParsing', async (request, reply) => {
    // Who asks for a WebSocket is known only later; see `countCall`.
    if (!request.ws) await countCall(request, reply);
  });
  // Refused before it was counted: it counts nevertheless, and is answered with what it was refused for.
  app.addHook('onError', async (request, reply) => void (await count(request, reply)));
};

/** Counts a call whose caller is known now, once. Rejects with `rate_limited`; does nothing where there are no limits. */
export const countCall = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
  const result = await count(request, reply);
  if (result?.standing.isOver !== true) return;
  result.limits.onRefusal(callerOf(request).kind);
  throw refusal(reply, result.limits, result);
};

/** Counts a call that did not come as a request of its own. Rejects with `rate_limited`; does nothing where there are no limits. */
export const countToolCall = async (request: FastifyRequest): Promise<void> => {
  const limits = limitsOf.get(request.server.server);
  if (limits === undefined) return;
  const standing = await limits.count('calls', callerOf(request));
  if (!standing.isOver) return;
  limits.onRefusal(callerOf(request).kind);
  throw rateLimited(limits, { bucket: 'calls', standing });
};

interface Counted {
  readonly bucket: Bucket;
  readonly standing: Standing;
}

const count = async (
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<(Counted & { readonly limits: CountedLimits }) | null> => {
  const limits = limitsOf.get(request.server.server);
  const bucket = bucketOf(request);
  if (limits === undefined || bucket === null || counted.has(request)) return null;
  counted.add(request);
  const standing = await limits.count(bucket, callerOf(request));
  tell(reply, limits, { bucket, standing });
  return { bucket, standing, limits };
};

/** A user behind whatever address; an address for all who have not said who they are. */
const callerOf = (request: FastifyRequest): Caller => {
  const principal = principalIfKnown(request.raw);
  if (principal === undefined || principal.grace !== undefined) return { kind: 'address', ip: request.ip };
  return { kind: 'user', sub: principal.sub };
};

const bucketOf = ({ method, routeOptions: { url } }: FastifyRequest): Bucket | null => {
  if (url === undefined || method === 'OPTIONS' || !LIMITED.test(url)) return null;
  return UPLOADS.has(`${method} ${url}`) ? 'uploads' : 'calls';
};

/** The fields of draft-ietf-httpapi-ratelimit-headers-10. */
const tell = (
  reply: FastifyReply,
  { perMinute }: RateLimits,
  { bucket, standing: { remaining, resetMs } }: Counted,
): void => {
  reply.header('ratelimit-policy', `"${bucket}";q=${perMinute};w=${WINDOW_SECONDS}`);
  reply.header('ratelimit', `"${bucket}";r=${remaining};t=${Math.ceil(resetMs / 1_000)}`);
};

const refusal = (reply: FastifyReply, limits: RateLimits, counted: Counted): GatewayError => {
  // RFC 6585, 4.
  reply.header('cache-control', 'no-store');
  return rateLimited(limits, counted);
};

const rateLimited = ({ perMinute }: RateLimits, { bucket, standing: { resetMs } }: Counted): GatewayError => {
  const seconds = Math.ceil(resetMs / 1_000);
  const what = bucket === 'uploads' ? 'uploads' : 'calls besides uploads';
  const message = `More than ${perMinute} ${what} in a minute; try again in ${seconds} s.`;
  return new GatewayError('rate_limited', message, { retryAfterMs: resetMs });
};
