import { once } from 'node:events';
import { connect } from 'node:net';
import fastify, { type FastifyRequest } from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../../test/support/until.ts';
import { readRawBody } from '../ingest/raw-body.ts';
import { createLogger } from '../platform/log.ts';
import { watchBodyPace } from './body-pace.ts';
import { registerErrorHandler } from './error-handler.ts';

const PACE = { windowMs: 600, leastBytes: 100 };

/** A server whose one route reads the body as `read` does. */
const serve = async (read: (request: FastifyRequest) => Promise<unknown>) => {
  const app = fastify();
  registerErrorHandler(app, createLogger('silent'));
  watchBodyPace(app, PACE);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.put('/', async (request) => ({ read: await read(request) }));
  await app.listen({ port: 0, host: '127.0.0.1' });
  onTestFinished(() => app.close());
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('It listens nowhere.');
  return async (lengthBytes: number) => {
    const socket = connect(address.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    let received = '';
    let isClosed = false;
    socket.setEncoding('latin1').on('data', (text: string) => (received += text));
    socket.on('error', () => undefined).on('close', () => (isClosed = true));
    socket.write(`PUT / HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nContent-Length: ${lengthBytes}\r\n\r\n`);
    return { socket, received: () => received, isClosed: () => isClosed };
  };
};

const readAll = async ({ raw }: FastifyRequest): Promise<number> => {
  let sizeBytes = 0;
  for await (const piece of readRawBody(raw)) sizeBytes += piece.length;
  return sizeBytes;
};

describe('the pace of a body', () => {
  it('L02 that falls below the least ends the request, and whoever reads it sees it break off', async () => {
    const outcome = Promise.withResolvers<unknown>();
    const open = await serve(async (request) => readAll(request).catch((error) => outcome.resolve(error)));
    const { socket, received, isClosed } = await open(1_000);
    const dripping = setInterval(() => socket.write('x'), 50);
    onTestFinished(() => clearInterval(dripping));
    await until('it is refused', () => received().includes('request_timeout'));
    expect(received()).toMatch(/^HTTP\/1\.1 408 /u);
    await until('the connection is closed', isClosed);
    expect(await outcome.promise).toMatchObject({ code: 'incomplete_body' });
  });

  it('that is slow but above the least is let be, however many windows it takes', async () => {
    const open = await serve(readAll);
    const { socket, received } = await open(1_200);
    let sent = 0;
    const sending = setInterval(() => {
      socket.write('x'.repeat(60));
      sent += 60;
      if (sent === 1_200) clearInterval(sending);
    }, 100);
    onTestFinished(() => clearInterval(sending));
    await until('it is answered', () => received().includes('"read":1200'));
  });

  it('is not held against a client whom we keep waiting', async () => {
    const reading = Promise.withResolvers<void>();
    const open = await serve(async (request) => {
      await reading.promise;
      return readAll(request);
    });
    const size = 2 ** 20;
    const { socket, received } = await open(size);
    socket.write(Buffer.alloc(size));
    // Not a wait for an event: several windows have to pass without one.
    const begun = performance.now();
    await until('several windows are over', () => performance.now() - begun > PACE.windowMs * 3);
    expect(received()).toBe('');
    reading.resolve();
    await until('it is answered', () => received().includes(`"read":${size}`));
  });
});
