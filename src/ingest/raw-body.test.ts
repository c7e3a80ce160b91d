import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GatewayError } from '../core/errors.ts';
import { readRawBody } from './raw-body.ts';

const server = createServer();
let socket: Socket;

beforeEach(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
});

afterEach(() => {
  socket.destroy();
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

const requestOf = async (head: string, body: string | Buffer): Promise<[IncomingMessage, ServerResponse]> => {
  const arrived = once(server, 'request');
  socket.write(`PUT / HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n`);
  socket.write(body);
  return (await arrived) as [IncomingMessage, ServerResponse];
};

const codeOf = (body: AsyncIterable<Buffer>): Promise<string> =>
  buffer(body).then(
    () => 'read',
    (error) => (error instanceof GatewayError ? error.code : String(error)),
  );

describe('a raw body', () => {
  it('is read as it comes, with a length and without', async () => {
    const [first, response] = await requestOf('Content-Length: 5', 'hello');
    expect((await buffer(readRawBody(first))).toString()).toBe('hello');
    response.end();
    await once(socket, 'data');
    const [second] = await requestOf('Transfer-Encoding: chunked', '5\r\nhello\r\n6\r\n again\r\n0\r\n\r\n');
    expect((await buffer(readRawBody(second))).toString()).toBe('hello again');
  });

  it.each(['Content-Length: 100', 'Transfer-Encoding: chunked'])(
    'is incomplete when the client goes away before its end: %s',
    async (head) => {
      const [request] = await requestOf(head, head.startsWith('T') ? '5\r\nhello\r\n' : 'hello');
      const outcome = codeOf(readRawBody(request));
      socket.destroy();
      expect(await outcome).toBe('incomplete_body');
    },
  );

  it('is incomplete when the client has gone before anybody reads', async () => {
    const [request] = await requestOf('Content-Length: 100', 'hello');
    const closed = new Promise((resolve) => request.once('close', resolve));
    request.on('error', () => undefined);
    socket.resetAndDestroy();
    await closed;
    expect(await codeOf(readRawBody(request))).toBe('incomplete_body');
  });

  it('leaves the connection open when it is not read to its end, so that an answer can be sent', async () => {
    const [request, response] = await requestOf('Content-Length: 1000000', Buffer.alloc(200_000));
    for await (const chunk of readRawBody(request)) if (chunk.length > 0) break;
    expect(request.destroyed).toBe(false);
    response.writeHead(413, { connection: 'close' }).end();
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1.1 413/u);
  });
});
