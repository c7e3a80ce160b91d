import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GatewayError } from '../core/errors.ts';

export interface BodyPace {
  readonly windowMs: number;
  /** How much has to come in each window, unless the body ends in it. */
  readonly leastBytes: number;
}

/** Some 273 bytes a second: slower than any line that a file can be sent on, faster than it pays to hold a slot with. */
const PACE: BodyPace = { windowMs: 30_000, leastBytes: 8 * 2 ** 10 };
const LOOKS_PER_WINDOW = 15;

interface WatchedBody {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  windowEndsAtMs: number;
  bytesBefore: number;
}

/**
 * Answers requests whose body comes too slowly with `request_timeout`, and ends their connection: whoever reads the body
 * sees it break off. Bodies of every kind are watched alike, where they come in. A time in which we do not read, because
 * the disk or a provider is slower than the client, is not the client's.
 */
export const watchBodyPace = (app: FastifyInstance, { windowMs, leastBytes }: BodyPace = PACE): void => {
  const watched = new Set<WatchedBody>();
  const renew = (body: WatchedBody, nowMs: number): void => {
    body.windowEndsAtMs = nowMs + windowMs;
    body.bytesBefore = body.request.raw.socket.bytesRead;
  };
  const look = (body: WatchedBody, nowMs: number): void => {
    const { request, reply } = body;
    const { raw } = request;
    if (raw.complete || raw.destroyed || reply.sent) {
      watched.delete(body);
      return;
    }
    const hasCome = raw.socket.bytesRead - body.bytesBefore;
    if (raw.socket.isPaused() || hasCome >= leastBytes) {
      renew(body, nowMs);
      return;
    }
    if (nowMs < body.windowEndsAtMs) return;
    watched.delete(body);
    // Node tells the reader of a body nothing once the request has been answered.
    reply.raw.once('finish', () => raw.destroy(new Error('The body came too slowly.')));
    const message = `The body comes too slowly: less than ${leastBytes} bytes in ${windowMs / 1_000} seconds.`;
    void reply.header('connection', 'close').send(new GatewayError('request_timeout', message));
  };
  const looking = setInterval(() => {
    const nowMs = performance.now();
    for (const body of watched) look(body, nowMs);
  }, windowMs / LOOKS_PER_WINDOW);
  looking.unref();
  app.addHook('onClose', async () => clearInterval(looking));
  app.addHook('preParsing', async (request, reply) => {
    if (request.raw.complete || !hasBody(request)) return;
    const body = { request, reply, windowEndsAtMs: 0, bytesBefore: 0 };
    renew(body, performance.now());
    watched.add(body);
  });
};

/** RFC 9112, 6.3. */
const hasBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
