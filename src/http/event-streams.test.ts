import { describe, expect, it } from 'vitest';
import type { EventObject } from '../api/event-object.ts';
import { GatewayError } from '../core/errors.ts';
import type { FileEvent } from '../pipeline/watch-files.ts';
import { createEventStreams, type EventSink, type StreamEnd } from './event-streams.ts';

const never = new AbortController().signal;
const principal = (sub = 'user-1', expiresInMs = 3_600_000) => ({
  sub,
  scopes: new Set<never>(),
  expiresAt: new Date(Date.now() + expiresInMs),
});

/** Streams of events that end with their signal, as the pipeline's do. */
const streamsOf = (
  events: readonly FileEvent[],
  options: Partial<Parameters<typeof createEventStreams>[1]> = {},
) =>
  createEventStreams(
    {
      retentionDays: 0,
      watch: async ({ signal }) => ({
        cursorMs: 7,
        events: (async function* () {
          yield* events;
          if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
        })(),
      }),
    },
    { stopping: never, ...options },
  );

type Request = Parameters<ReturnType<typeof createEventStreams>['open']>[0];
type Running = Omit<Request, 'recheck'> & Partial<Pick<Request, 'recheck'>> & { readonly sink: EventSink };

/** Opens a stream and sends it to its end. */
const run = async (
  streams: ReturnType<typeof createEventStreams>,
  { sink, recheck = async () => undefined, ...request }: Running,
): Promise<StreamEnd> => (await streams.open({ recheck, ...request })).sendTo(sink);

const deleted: FileEvent = { cursorMs: 8, type: 'deleted', fileId: 'file-1' };
const sinkTo = (sent: EventObject[] = [], send: EventSink['send'] = async () => undefined): EventSink => ({
  send: (event) => {
    sent.push(event);
    return send(event);
  },
});

describe('an event stream', () => {
  it('sends events until the gateway stops', async () => {
    const stopping = new AbortController();
    const sent: EventObject[] = [];
    const sink = sinkTo(sent, async () => stopping.abort());
    const streams = streamsOf([deleted], { stopping: stopping.signal });
    expect(await run(streams, { principal: principal(), sinceMs: undefined, sink, gone: never })).toBe(
      'stopping',
    );
    expect(sent).toEqual([{ id: '8', type: 'file.deleted', data: { id: 'file-1' } }]);
  });

  it.each([
    ['the token ends', 20],
    ['the token has ended, within the tolerance of clocks', -20],
  ])('J45 ends when %s', async (_, expiresInMs) => {
    const stream = {
      principal: principal('user-1', expiresInMs),
      sinceMs: undefined,
      sink: sinkTo(),
      gone: never,
    };
    expect(await run(streamsOf([]), stream)).toBe('expired');
  });

  it('J45 ends when the key of its token is not good any more, not when that cannot be told', async () => {
    let looks = 0;
    const recheck = async (): Promise<void> => {
      looks += 1;
      if (looks === 1) throw new GatewayError('unavailable', 'The keys cannot be had.');
      if (looks === 3) throw new GatewayError('invalid_token', 'The token is not valid here.');
    };
    const stream = { principal: principal(), sinceMs: undefined, sink: sinkTo(), gone: never, recheck };
    expect(await run(streamsOf([], { recheckMs: 5 }), stream)).toBe('expired');
    expect(looks).toBe(3);
  });

  it('lasts for a token of years, which no timer can wait for', async () => {
    const gone = new AbortController();
    const sink = sinkTo([], async () => void setImmediate(() => gone.abort()));
    const stream = { principal: principal('user-1', 10 ** 12), sinceMs: undefined, sink, gone: gone.signal };
    expect(await run(streamsOf([deleted]), stream)).toBe('gone');
  });

  it.each<[string, EventSink['send']]>([
    ['takes nothing in', () => new Promise(() => undefined)],
    ['is lost', () => Promise.reject(new Error('EPIPE'))],
  ])('is given up when its peer %s, with one event in hand', async (_, send) => {
    const sent: EventObject[] = [];
    const streams = streamsOf(
      Array.from({ length: 100 }, () => deleted),
      { drainMs: 20 },
    );
    const stream = { principal: principal(), sinceMs: undefined, sink: sinkTo(sent, send), gone: never };
    expect(await run(streams, stream)).toBe('gone');
    expect(sent).toHaveLength(1);
  });

  it('is refused to an owner who has as many as there may be, until one ends', async () => {
    const streams = streamsOf([], { maxStreamsPerOwner: 2 });
    const ends = [new AbortController(), new AbortController()];
    const open = (sub: string, gone: AbortSignal) =>
      run(streams, { principal: principal(sub), sinceMs: undefined, sink: sinkTo(), gone });
    const running = ends.map(({ signal }) => open('user-1', signal));
    await expect(open('user-1', never)).rejects.toMatchObject({ code: 'rate_limited' });
    const other = new AbortController();
    const another = open('user-2', other.signal);
    for (const end of [...ends, other]) end.abort();
    expect(await Promise.all([...running, another])).toEqual(['gone', 'gone', 'gone']);
    const last = new AbortController();
    const again = open('user-1', last.signal);
    last.abort();
    expect(await again).toBe('gone');
  });
});
