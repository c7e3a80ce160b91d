import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Waybill } from './index.ts';

const servers: Server[] = [];
const clients: Waybill[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

const clientOf = async (listener: RequestListener): Promise<Waybill> => {
  const server = createServer(listener);
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new Waybill({ url, token: 'secret' });
  clients.push(client);
  return client;
};

/** The first event, where there is one to come. */
const first = async (client: Waybill): Promise<unknown> => {
  for await (const event of client.events()) return event;
  return null;
};

type Response = Parameters<RequestListener>[1];
const open = (response: Response, text: string): Response => {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).write(text);
  return response;
};
const deleted = (id: number): string => `id: ${id}\nevent: file.deleted\ndata: {"id":"file-${id}"}\n\n`;
const refuse = (response: Response, status: number, code: string): void =>
  void response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(JSON.stringify({ error: { message: 'No.', type: 'x', code, param: null, request_id: 'req_1' } }));

describe('events', () => {
  it('go on over a lost connection and an absent gateway, from the last one seen, and end with the signal', async () => {
    const asked: unknown[] = [];
    const answers: ((response: Response) => void)[] = [
      (response) => setImmediate(() => open(response, `id: 5\n\n${deleted(6)}`).destroy()),
      (response) => response.destroy(),
      (response) => refuse(response, 503, 'unavailable'),
      (response) => void open(response, `${deleted(7)}event: file.new_kind\ndata: 1\n\n`).end(deleted(8)),
      (response) => void open(response, ''),
    ];
    const client = await clientOf((request, response) => {
      asked.push(request.headers['last-event-id']);
      answers.shift()?.(response);
    });
    const controller = new AbortController();
    const seen: string[] = [];
    for await (const event of client.events({ since: '4', signal: controller.signal })) {
      seen.push(`${event.id} ${event.type}`);
      if (event.id === '8') controller.abort();
    }
    expect(seen.slice(-2)).toEqual(['7 file.deleted', '8 file.deleted']);
    expect(asked[0]).toBe('4');
    // The first answer may be cut before it is read; what was read is not asked for again.
    expect(asked.at(-1)).toBe(seen.length === 3 ? '6' : '4');
  });

  it.each([
    [401, 'invalid_token'],
    [404, 'not_found'],
  ])('are refused for good with %d', async (status, code) => {
    const client = await clientOf((_request, response) => refuse(response, status, code));
    await expect(first(client)).rejects.toMatchObject({ code, httpStatus: status });
  });

  it('are not made of what is no event stream', async () => {
    const client = await clientOf((_request, response) => void response.end('<html>'));
    await expect(first(client)).rejects.toMatchObject({ code: 'unexpected_answer' });
  });

  it('end with the client', async () => {
    const client = await clientOf((_request, response) => {
      open(response, 'id: 1\n\n');
      setImmediate(() => void client.close());
    });
    await expect(first(client)).rejects.toMatchObject({ code: 'connection_lost' });
  });
});

describe('settling with events', () => {
  const file = (status: string) => ({
    id: 'file-1',
    object: 'file',
    filename: 'a.txt',
    purpose: 'user_data',
    status: 'uploaded',
    sha256: 'ab',
    media_type: 'text/plain',
    bytes: 3,
    deliveries: [{ provider: 'kimi', status }],
  });

  it('is told of every state at once, and asks seldom', async () => {
    const states = ['pending', 'uploading', 'processing', 'completed'];
    let asked = 0;
    const client = await clientOf((request, response) => {
      if (request.url === '/v1/files/file-1') {
        asked += 1;
        return void response.end(JSON.stringify(file('pending')));
      }
      open(response, 'id: 1\n\n');
      const timer = setInterval(() => {
        const state = states.shift();
        if (state === undefined) return clearInterval(timer);
        response.write(`id: 2\nevent: file.updated\ndata: ${JSON.stringify(file(state))}\n\n`);
      }, 300);
    });
    const seen: string[] = [];
    const settled = await client.settled('file-1', {
      isListening: true,
      onChange: ({ deliveries }) => seen.push(String(deliveries[0]?.status)),
    });
    expect(seen).toEqual(['pending', 'uploading', 'processing', 'completed']);
    expect(settled.deliveries[0]?.status).toBe('completed');
    expect(asked).toBeLessThan(8);
  });

  it('goes by asking where there are none', async () => {
    const states = ['pending', 'completed'];
    const client = await clientOf((request, response) =>
      request.url === '/v1/files/file-1'
        ? void response.end(JSON.stringify(file(states.shift() ?? 'completed')))
        : refuse(response, 404, 'not_found'),
    );
    const settled = await client.settled('file-1', { isListening: true });
    expect(settled.deliveries[0]?.status).toBe('completed');
  });
});
