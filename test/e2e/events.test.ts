import { once } from 'node:events';
import { beforeAll, describe, expect, it } from 'vitest';
import { createApi } from '../support/create-api.ts';
import { expectRefusal } from '../support/expect-refusal.ts';
import { type Events, followBySse, followByWebSocket, type SeenEvent } from '../support/follow-events.ts';
import { openRaw } from '../support/raw-http.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const env = { JWT_SECRET_KEY: JWT_SECRET };
let gateway: GatewayProcess;

beforeAll(async () => {
  gateway = await startGateway({ env });
});

/** A new owner, so that tests do not see each other's files. */
let owners = 0;
const newOwner = async () => {
  owners += 1;
  const token = await signToken({ sub: `owner-${owners}` });
  return { token, api: createApi(gateway, token) };
};

/** Once its connection is open, a client misses nothing. */
const opened = async (events: ReturnType<typeof followByWebSocket>) => {
  await once(events.socket, 'open');
  return events;
};
const about = ({ seen }: Events, id: string): SeenEvent[] => seen.filter(({ data }) => data.id === id);
const hasSettled = (events: Events, id: string): boolean =>
  about(events, id).some(({ data }) => data.status === 'processed');

/** Sends a file in pieces, each after the other has been taken in. */
const uploadSlowly = async (token: string, pieces: number, pieceBytes: number) => {
  const connection = await openRaw(gateway.url);
  await connection.send(
    `PUT /v1/files?filename=slow.txt&provider=kimi,glm HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
      `Content-Length: ${pieces * pieceBytes}\r\nConnection: close\r\n\r\n`,
  );
  return {
    connection,
    send: async (events: Events, count: number) => {
      for (let piece = 1; piece <= count; piece += 1) {
        const before = events.seen.length;
        await connection.send(Buffer.from(`${Math.random()} `.padEnd(pieceBytes, 'some words ')));
        await until('progress', () => events.seen.length > before);
      }
    },
  };
};

describe('an upload', () => {
  it('is seen by SSE and by WebSocket: bytes coming in, then each provider, at most five events a second', async () => {
    const { token } = await newOwner();
    const bySse = await followBySse(gateway, { token });
    const bySocket = await opened(followByWebSocket(gateway, { token }));
    const upload = await uploadSlowly(token, 12, 50_000);
    await upload.send(bySse, 12);
    const { status, body } = await upload.connection.answer();
    expect(status, body).toBe(200);
    const { id } = JSON.parse(body);
    await until('the last state, by both', () => hasSettled(bySse, id) && hasSettled(bySocket, id));
    for (const events of [bySse, bySocket]) {
      const own = about(events, id);
      expect(events.seen).toEqual(own);
      const progress = own.filter(({ type }) => type === 'file.progress');
      expect(progress.length).toBeGreaterThan(2);
      expect(progress[0]?.data).toMatchObject({ filename: 'slow.txt', bytes: 600_000, deliveries: [] });
      const received = progress.map(({ data }) => data.received_bytes ?? 0);
      expect(received).toEqual(received.toSorted((a, b) => a - b));
      expect(own.at(-1)).toMatchObject({
        type: 'file.updated',
        id: expect.stringMatching(/^\d{13}$/u),
        data: { object: 'file', status: 'processed', bytes: 600_000 },
      });
      expect(own.at(-1)?.data.deliveries?.map(({ status: copy, bytes_sent }) => [copy, bytes_sent])).toEqual([
        ['completed', 600_000],
        ['completed', 600_000],
      ]);
      const times = own.map(({ atMs }) => atMs);
      for (const start of times) {
        expect(times.filter((atMs) => atMs >= start && atMs < start + 1_000).length).toBeLessThanOrEqual(5);
      }
    }
    bySse.close();
    bySocket.close();
  });

  it('that the client gives up is seen to end, and so is a file that is deleted', async () => {
    const { token, api } = await newOwner();
    const events = await opened(followByWebSocket(gateway, { token }));
    const upload = await uploadSlowly(token, 2, 50_000);
    await upload.send(events, 1);
    upload.connection.reset();
    await until('the end', () => events.seen.at(-1)?.type === 'file.aborted');
    expect(new Set(events.seen.map(({ data }) => data.id)).size).toBe(1);

    const { id } = (await api.upload({ query: 'provider=none' })).file();
    await api.call('DELETE', `/v1/files/${id}`);
    await until('the deletion', () => events.seen.at(-1)?.type === 'file.deleted');
    expect(events.seen.at(-1)?.data).toEqual({ id });
    events.close();
  });

  it('of another owner is never seen', async () => {
    const [mine, theirs] = [await newOwner(), await newOwner()];
    const events = [
      await followBySse(gateway, { token: mine.token, lastEventId: '0' }),
      await opened(followByWebSocket(gateway, { token: mine.token, lastEventId: '0' })),
    ];
    await theirs.api.upload({ query: 'provider=kimi' });
    const { id } = (await mine.api.upload({ query: 'provider=kimi' })).file();
    await until('my own file', () => events.every((seen) => hasSettled(seen, id)));
    for (const { seen, close } of events) {
      expect(new Set(seen.map(({ data }) => data.id))).toEqual(new Set([id]));
      close();
    }
  });
});

describe('who may follow', () => {
  it.each<[string, () => Promise<string | null>]>([
    ['no token', async () => null],
    [
      'a token of another gateway',
      () => signToken({ sub: 'a' }, { secret: 'another secret of thirty-two bytes' }),
    ],
    ['a token that has expired', () => signToken({ sub: 'a', expiresInSeconds: -3_600 })],
  ])('is nobody with %s: 401 by SSE, 1008 by WebSocket', async (_, make) => {
    const token = await make();
    const answer = await createApi(gateway, token).call('GET', '/v1/events');
    expect(answer.status).toBe(401);
    expectRefusal({ status: 401, body: answer.bytes.toString() }, [401, answer.error().code]);
    const events = followByWebSocket(gateway, { token });
    await until('the close', () => events.ended());
    expect(events.ended()).toEqual({ code: 1008, reason: 'Unauthorized' });
  });

  it('a browser may, by a token among the protocols it offers', async () => {
    const { token, api } = await newOwner();
    const events = await opened(followByWebSocket(gateway, { protocols: ['waybill', `bearer.${token}`] }));
    expect(events.socket.protocol).toBe('waybill');
    const { id } = (await api.upload({ query: 'provider=none' })).file();
    await until('the file', () => hasSettled(events, id));
    const stranger = followByWebSocket(gateway, { protocols: ['waybill', 'bearer.a.b.c'] });
    await until('the close', () => stranger.ended());
    expect(stranger.ended()).toEqual({ code: 1008, reason: 'Unauthorized' });
    expect(JSON.stringify(gateway.logs())).not.toContain(token);
    events.close();
  });

  it('nobody may any longer once the token has expired', async () => {
    const token = await signToken({ sub: 'short', expiresInSeconds: 2 });
    const bySse = await followBySse(gateway, { token });
    const bySocket = await opened(followByWebSocket(gateway, { token }));
    await until('both ends', () => bySse.ended() && bySocket.ended());
    expect(bySocket.ended()).toEqual({ code: 1008, reason: 'Unauthorized' });
    expect(bySse.ended()).toEqual({ code: null, reason: 'end' });
  });

  it('L05 an owner may 32 times at once, and again when one has gone', async () => {
    const { token } = await newOwner();
    const open = await Promise.all(
      Array.from({ length: 32 }, () => opened(followByWebSocket(gateway, { token }))),
    );
    await expect(followBySse(gateway, { token })).rejects.toThrow(/^429 .*"rate_limited"/u);
    const socket = followByWebSocket(gateway, { token });
    await until('the close', () => socket.ended());
    expect(socket.ended()).toEqual({ code: 1013, reason: 'rate_limited' });
    open[0]?.close();
    const events = await until('a place', () => followBySse(gateway, { token }));
    for (const { close } of [events, ...open]) close();
  });
});

describe('what a client sends', () => {
  it.each(['x', '', '-1', '1.5', '1e3', '9'.repeat(16)])(
    'as an id must be one: not %j',
    async (lastEventId) => {
      const { token, api } = await newOwner();
      const answers = [
        await api.call('GET', '/v1/events', { headers: { 'last-event-id': lastEventId } }),
        await api.call('GET', `/v1/events?last_event_id=${lastEventId}`),
      ];
      for (const { status, bytes } of answers)
        expectRefusal({ status, body: bytes.toString() }, [400, 'invalid_request']);
      const events = followByWebSocket(gateway, { token, lastEventId });
      await until('the refusal', () => events.ended());
      expect(events.ended()?.reason).toContain('400');
    },
  );

  it('U46 over its WebSocket is passed over, and ends it when it is large', async () => {
    const { token, api } = await newOwner();
    const events = await opened(followByWebSocket(gateway, { token }));
    events.socket.send('hello');
    events.socket.send(Buffer.alloc(4_096));
    const { id } = (await api.upload({ query: 'provider=none' })).file();
    await until('the file', () => hasSettled(events, id));
    events.socket.send('x'.repeat(4_097));
    await until('the close', () => events.ended());
    expect(events.ended()?.code).toBe(1009);
  });

  it('may offer another protocol anywhere, which is passed over', async () => {
    const { api, token } = await newOwner();
    const headers = { connection: 'Upgrade', upgrade: 'h2c' };
    const connection = await openRaw(gateway.url);
    await connection.send(
      `GET /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
        `Connection: ${headers.connection}\r\nUpgrade: ${headers.upgrade}\r\n\r\n`,
    );
    expect((await connection.answer()).status).toBe(200);
    connection.reset();
    expect((await api.call('GET', '/v1/files')).status).toBe(200);
  });
});

describe('a client that reads nothing', () => {
  it('harms nobody, and has the last states when it reads again', async () => {
    const { token, api } = await newOwner();
    const stuck = await opened(followByWebSocket(gateway, { token }));
    const quick = await followBySse(gateway, { token });
    stuck.socket.pause();
    const ids: string[] = [];
    for (let round = 0; round < 10; round += 1) {
      const files = await Promise.all(
        Array.from({ length: 20 }, () => api.upload({ query: 'provider=none' })),
      );
      ids.push(...files.map((answer) => answer.file().id));
    }
    await Promise.all(ids.map((id) => api.call('DELETE', `/v1/files/${id}`)));
    const isDeleted = (events: Events) =>
      ids.every((id) => about(events, id).at(-1)?.type === 'file.deleted');
    await until('everything, for the other', () => isDeleted(quick));
    stuck.socket.resume();
    await until('everything, at last', () => isDeleted(stuck));
    stuck.close();
    quick.close();
  });
});

describe('a gateway that stops', () => {
  it('ends every stream at once, and its successor goes on from the last event', async () => {
    const first = await startGateway({ env });
    const token = await signToken({ sub: 'traveller' });
    const api = createApi(first, token);
    const bySse = await followBySse(first, { token });
    const bySocket = await opened(followByWebSocket(first, { token }));
    const stuck = await opened(followByWebSocket(first, { token }));
    const old = (await api.upload({ query: 'provider=none' })).file();
    await until('the file', () => hasSettled(bySse, old.id) && hasSettled(bySocket, old.id));
    const lastEventId = String(bySse.seen.at(-1)?.id);
    // This one does not even answer the close.
    stuck.socket.pause();
    const stopped = performance.now();
    expect(await first.stop()).toBe(0);
    expect(performance.now() - stopped).toBeLessThan(9_000);
    await until('both ends', () => bySse.ended() && bySocket.ended());
    expect(bySocket.ended()?.code).toBe(1001);
    expect(bySse.ended()).toEqual({ code: null, reason: 'end' });

    const next = await startGateway({ env, home: first.home });
    const nextApi = createApi(next, token);
    const missed = (await nextApi.upload({ query: 'provider=kimi' })).file();
    const again = [
      await followBySse(next, { token, lastEventId }),
      await opened(followByWebSocket(next, { token, lastEventId })),
    ];
    await until('what was missed', () => again.every((events) => hasSettled(events, missed.id)));
    await nextApi.call('DELETE', `/v1/files/${old.id}`);
    const isDeleted = (events: Events) => about(events, old.id).at(-1)?.type === 'file.deleted';
    await until('what happens now', () => again.every(isDeleted));
    for (const { close } of again) close();
  });
});
