/** What the Gemini adapter makes of interruptions of an upload in several requests. */
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type GeminiVariants, startGeminiEmulator } from '../../emulators/gemini.ts';
import type { UploadSession } from '../../src/core/provider.ts';
import { createGemini } from '../../src/providers/gemini.ts';
import { expectFailure, failureOf, MISADDRESSED, UNAVAILABLE, within } from './outcome.ts';
import { type ProviderSubject, providerStarter, send, storedFiles } from './provider-subject.ts';
import { startHttpServer } from './raw-server.ts';
import { sha256, sourceOf, words } from './recording-source.ts';

const MIB = 2 ** 20;
const CHUNK_BYTES = 8 * MIB;
const GRANULARITY_BYTES = 2 ** 18;

/** Runs with an adapter and its emulator. */
const withSubject = async (
  use: (subject: ProviderSubject) => Promise<void>,
  variants: Partial<GeminiVariants> = {},
): Promise<void> => {
  const options = { variants: { granularityBytes: GRANULARITY_BYTES, ...variants } };
  const subject = await providerStarter(createGemini, startGeminiEmulator, options)();
  await use(subject).finally(subject.close);
};

/** A session kept as the database keeps it. */
const keptSession = (kept = 'null'): UploadSession & { kept(): string } => {
  let json = kept;
  return {
    get state() {
      return JSON.parse(json);
    },
    save: async (state) => {
      json = JSON.stringify(state);
    },
    kept: () => json,
  };
};

const urlOf = (session: UploadSession): string => String((session.state as { url: string } | null)?.url);

interface Request {
  readonly command: string;
  readonly offset: number;
  readonly bytes: number;
}

/** The requests of uploads, in order. */
const requestsOf = async ({ emulator }: ProviderSubject): Promise<readonly Request[]> =>
  (await emulator.state()).requests.flatMap(({ headers, bytesReceived }) => {
    const { 'x-goog-upload-command': command, 'x-goog-upload-offset': offset } = headers;
    return command === undefined ? [] : [{ command, offset: Number(offset ?? 0), bytes: bytesReceived }];
  });
const commandsOf = async (subject: ProviderSubject): Promise<string[]> =>
  (await requestsOf(subject)).map(({ command }) => command);

/** Lets one chunk pass, and breaks the next in its middle. */
const breakSecondChunk = async ({ emulator }: ProviderSubject): Promise<void> => {
  await emulator.fault('slow-answer', { on: 'chunk', delayMs: 0 });
  await emulator.fault('reset-mid', { on: 'chunk', afterBytes: 3 * MIB });
};

describe('an upload to Gemini in chunks', () => {
  it.each([
    { granularityBytes: GRANULARITY_BYTES, chunkBytes: CHUNK_BYTES },
    { granularityBytes: 3 * MIB, chunkBytes: 6 * MIB },
    { granularityBytes: 16 * MIB, chunkBytes: 16 * MIB },
  ])('keeps to the granularity asked for: %o', async ({ granularityBytes, chunkBytes }) => {
    await withSubject(
      async (subject) => {
        const bytes = words(20 * MIB);
        await send(subject.provider, { bytes });
        const [, ...chunks] = await requestsOf(subject);
        const whole = Math.floor(bytes.length / chunkBytes);
        expect(chunks.slice(0, -1)).toEqual(
          Array.from({ length: whole }, (_, n) => ({
            command: 'upload',
            offset: n * chunkBytes,
            bytes: chunkBytes,
          })),
        );
        expect(chunks.at(-1)).toMatchObject({ command: 'upload, finalize', offset: whole * chunkBytes });
        expect(await storedFiles(subject)).toMatchObject([{ sha256: sha256(bytes) }]);
      },
      { granularityBytes },
    );
  });

  it.each([0, CHUNK_BYTES, 2 * CHUNK_BYTES])('ends well at %i bytes', (sizeBytes) =>
    withSubject(async (subject) => {
      const bytes = words(sizeBytes);
      const remote = await send(subject.provider, { bytes });
      expect(remote).toMatchObject({ sizeBytes, state: 'ready' });
      expect(await storedFiles(subject)).toMatchObject([{ sha256: sha256(bytes), bytes: sizeBytes }]);
      expect((await commandsOf(subject)).at(-1)).toBe(sizeBytes === 0 ? 'finalize' : 'upload, finalize');
    }),
  );

  it.each(['whole-granules', 'nothing'] as const)(
    'goes on from what was kept of a broken chunk: %s',
    (brokenChunk) =>
      withSubject(
        async (subject) => {
          const bytes = words(24 * MIB);
          const session = keptSession();
          await breakSecondChunk(subject);
          const failure = await expectFailure(send(subject.provider, { bytes, session }), UNAVAILABLE);
          expect(failure.outcome).toBe('not_done');
          const source = sourceOf(bytes);
          const progress: number[] = [];
          const onProgress = (sentBytes: number) => progress.push(sentBytes);
          await send(subject.provider, { bytes, source, session, onProgress });

          const requests = await requestsOf(subject);
          const start = source.ranges()[0]?.start ?? 0;
          expect(requests[3]?.command).toBe('query');
          expect(requests[4]).toMatchObject({ command: 'upload', offset: start });
          expect(start).toBeGreaterThanOrEqual(CHUNK_BYTES);
          if (brokenChunk === 'nothing') expect(start).toBe(CHUNK_BYTES);
          else expect(start).toBeGreaterThan(CHUNK_BYTES + MIB);
          const sentBytes = requests.reduce(
            (sum, { command, bytes: n }) => (/upload/u.test(command) ? sum + n : sum),
            0,
          );
          expect(sentBytes).toBeLessThanOrEqual(bytes.length + CHUNK_BYTES);
          expect(source.opened()).toBe(1);
          expect([progress[0], progress.at(-1)]).toEqual([start, bytes.length]);
          expect(progress).toEqual(progress.toSorted((a, b) => a - b));
          expect(await storedFiles(subject)).toMatchObject([{ sha256: sha256(bytes) }]);
          expect(session.state).toBeNull();
        },
        { brokenChunk },
      ),
  );

  it('goes on in another process, which has only what the session kept', () =>
    withSubject(async (subject) => {
      const bytes = words(24 * MIB);
      const first = keptSession();
      const leaving = new AbortController();
      const onProgress = (sentBytes: number) => sentBytes > 12 * MIB && leaving.abort(new Error('killed'));
      await failureOf(send(subject.provider, { bytes, session: first, signal: leaving.signal, onProgress }));

      const next = subject.providerAt(subject.emulator.emulator.url);
      const source = sourceOf(bytes);
      const remote = await send(next, { bytes, source, session: keptSession(first.kept()) });
      expect(source.ranges()[0]?.start).toBeGreaterThanOrEqual(CHUNK_BYTES);
      expect(await storedFiles(subject)).toMatchObject([{ id: remote.id, sha256: sha256(bytes) }]);
    }));

  it.each([
    ['with the file', []],
    ['without it', [['empty-body', { on: 'query' }]]],
  ] as const)('whose last answer was lost is asked how it ended, and answers %s', (_, faults) =>
    withSubject(async (subject) => {
      const session = keptSession();
      await subject.emulator.fault('store-then-reset');
      const failure = await expectFailure(send(subject.provider, { session }), UNAVAILABLE);
      expect(failure.outcome).toBe('unknown');
      for (const [fault, parameters] of faults) await subject.emulator.fault(fault, parameters);
      const source = sourceOf(words(1_000));
      const remote = await send(subject.provider, { session, source });
      expect(await storedFiles(subject)).toMatchObject([{ id: remote.id }]);
      expect(source.ranges()).toEqual([]);
      expect(session.state).toBeNull();
    }),
  );

  it('has nothing to send but the end when all its bytes were kept', () =>
    withSubject(async (subject) => {
      const bytes = words(2 * GRANULARITY_BYTES);
      const session = keptSession();
      await subject.emulator.fault('reset-mid', { on: 'finalize', afterBytes: bytes.length + 1 });
      await expectFailure(send(subject.provider, { bytes, session }), UNAVAILABLE);
      await subject.emulator.fault('store-then-reset');
      const failure = await expectFailure(send(subject.provider, { bytes, session }), UNAVAILABLE);
      expect(failure.outcome).toBe('unknown');
      expect((await commandsOf(subject)).slice(2)).toEqual(['query', 'finalize']);
      await send(subject.provider, { bytes, session });
      expect(await storedFiles(subject)).toMatchObject([{ sha256: sha256(bytes) }]);
    }));

  it.each([
    ['unknown', (subject) => subject.emulator.fault('no-such', { on: 'query' })],
    ['expired', (subject) => subject.emulator.fault('status', { on: 'query', status: 410, body: 'Gone' })],
    ['cancelled', (_, session) => cancel(urlOf(session))],
    ['not understood', (_, session) => session.save({ url: 7 })],
  ] satisfies [string, (subject: ProviderSubject, session: UploadSession) => Promise<void>][])(
    'is started anew when its session is %s',
    (_, end) =>
      withSubject(async (subject) => {
        const bytes = words(20 * MIB);
        const session = keptSession();
        await breakSecondChunk(subject);
        await expectFailure(send(subject.provider, { bytes, session }), UNAVAILABLE);
        await end(subject, session);
        await send(subject.provider, { bytes, session });
        expect((await commandsOf(subject)).filter((command) => command === 'start')).toHaveLength(2);
        expect(await storedFiles(subject)).toMatchObject([{ sha256: sha256(bytes) }]);
      }),
  );

  it('that Gemini gives up half way is to be tried again, and one with a wrong address is not', () =>
    withSubject(async (subject) => {
      const bytes = words(20 * MIB);
      await subject.emulator.fault('no-such', { on: 'chunk' });
      await subject.emulator.fault('no-such', { on: 'query' });
      const failure = await expectFailure(send(subject.provider, { bytes }), UNAVAILABLE);
      expect(failure.outcome).toBe('not_done');
      await subject.emulator.fault('no-such', { on: 'chunk' });
      await expectFailure(send(subject.provider, { bytes }), MISADDRESSED);
    }));

  it('that another sender cancels meanwhile is to be tried again', () =>
    withSubject(async (subject) => {
      const session = keptSession();
      const bytes = words(20 * MIB);
      let cancelled: Promise<void> | null = null;
      await subject.emulator.fault('slow-answer', { on: 'chunk', delayMs: 200 });
      const onProgress = (sentBytes: number) => {
        if (sentBytes === CHUNK_BYTES) cancelled ??= cancel(urlOf(session));
      };
      await expectFailure(send(subject.provider, { bytes, session, onProgress }), UNAVAILABLE);
      await cancelled;
      await send(subject.provider, { bytes, session });
      expect(await storedFiles(subject)).toMatchObject([{ sha256: sha256(bytes) }]);
    }));

  it.each(['start', 'chunk'])('leaves nothing in doubt when the answer to a step is lost: %s', (on) =>
    withSubject(async (subject) => {
      await subject.emulator.fault('store-then-reset', { on });
      const failure = await expectFailure(send(subject.provider, { bytes: words(20 * MIB) }), UNAVAILABLE);
      expect(failure.outcome).toBe('not_done');
    }),
  );

  it.each(['chunk', 'query', 'start'])('is not taken for under way without the word of it: %s', (on) =>
    withSubject(async (subject) => {
      const bytes = words(20 * MIB);
      const session = keptSession();
      if (on === 'query') {
        await breakSecondChunk(subject);
        await failureOf(send(subject.provider, { bytes, session }));
      }
      const name = on === 'start' ? 'x-goog-upload-url' : 'x-goog-upload-status';
      await subject.emulator.fault('missing-header', { on, name });
      const failure = await expectFailure(send(subject.provider, { bytes, session }), UNAVAILABLE);
      expect(failure.outcome).toBe('not_done');
      await send(subject.provider, { bytes, session });
      expect(await storedFiles(subject)).toMatchObject([{ sha256: sha256(bytes) }]);
    }),
  );

  it('keeps its address secret', () =>
    withSubject(async (subject) => {
      const { provider, emulator } = subject;
      const bytes = words(20 * MIB);
      const session = keptSession();
      await emulator.fault('reset-mid', { on: 'chunk' });
      const failures = [await failureOf(send(provider, { bytes, session }))];
      const url = urlOf(session);
      const message = `There is trouble with ${url}.`;
      for (const [fault, parameters] of [
        ['status', { on: 'query', status: 503, body: { error: { code: 503, message } } }],
        ['status', { on: 'chunk', status: 400, body: { error: { code: 400, message } } }],
        ['status', { on: 'chunk', status: 404, body: message }],
        ['reset-before', { on: 'query' }],
        ['stall', { on: 'chunk' }],
        ['malformed-json', { on: 'finalize' }],
      ] as const) {
        await emulator.fault(fault, parameters);
        failures.push(await failureOf(send(provider, { bytes, session })));
      }
      const secret = new URL(url).searchParams.get('upload_id') ?? '';
      expect(secret.length).toBeGreaterThan(100);
      const shown = failures.map((error) => inspect(error, { depth: 20, showHidden: true }));
      expect(shown[1]).toContain('There is trouble with');
      expect(shown.filter((text) => text.includes(secret))).toEqual([]);
    }));

  it('goes to no other host than the one that was configured', async () => {
    let arrivals = 0;
    const elsewhere = await startHttpServer((_, response) => {
      arrivals += 1;
      response.end('{}');
    });
    const headers = {
      'x-goog-upload-url': `${elsewhere.url}/upload?upload_id=x`,
      'x-goog-upload-status': 'active',
    };
    const server = await startHttpServer((_, response) => response.writeHead(200, headers).end());
    try {
      await withSubject(async ({ providerAt }) => {
        await expectFailure(send(providerAt(server.url)), MISADDRESSED);
      });
    } finally {
      await Promise.all([server.close(), elsewhere.close()]);
    }
    expect(arrivals).toBe(0);
  });
});

const cancel = async (url: string): Promise<void> => {
  const headers = { 'x-goog-upload-command': 'cancel' };
  const { status } = await within(fetch(url, { method: 'POST', headers }));
  expect(status).toBe(200);
};
