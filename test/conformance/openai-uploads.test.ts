/** The Uploads API, through which larger files go: the whole contract over small parts, then what only it has. */
import { describe, expect, it } from 'vitest';
import { startOpenAiEmulator } from '../../emulators/openai.ts';
import type { UploadSession } from '../../src/core/provider.ts';
import { createOpenAi } from '../../src/providers/openai.ts';
import { expectFailure, failureOf, REJECTED, UNAVAILABLE, watched, within } from './outcome.ts';
import { providerStarter, type StartProvider, send, storedFiles } from './provider-subject.ts';
import { describeProvider } from './provider-suite.ts';
import { cut, type RecordingSource, recordingSource, sha256, sourceOf, words } from './recording-source.ts';

const PART_BYTES = 1_000_000;
const PARTS_AT_ONCE = 3;

/** Every file goes through Uploads. A limit of files is one of Uploads too. */
const starter = (partBytes: number): StartProvider =>
  providerStarter(
    (options) => createOpenAi({ ...options, uploadsAboveBytes: 0, partBytes }),
    ({ limits = {}, ...options }: Parameters<typeof startOpenAiEmulator>[0]) => {
      const { maxFileBytes } = limits;
      const maxUploadBytes = maxFileBytes === undefined ? {} : { maxUploadBytes: maxFileBytes };
      return startOpenAiEmulator({ ...options, limits: { ...limits, ...maxUploadBytes } });
    },
    {},
    {
      names: 'json',
      failedFile: (reason) => ({
        id: 'upload_1',
        file: { id: 'file-1', status: 'error', status_details: reason },
      }),
    },
  );

/** Faults of a body on its way, which is a part's; all others are of the request that makes the file, `complete`. */
const ON_PARTS = new Set(['stall', 'reset-before', 'reset-mid', 'drip', 'early-status']);

/** Makes the suite's faults those of the request they are meant for. */
const aimed =
  (start: StartProvider): StartProvider =>
  async (options) => {
    const subject = await start(options);
    const fault: typeof subject.emulator.fault = (name, parameters = {}) =>
      subject.emulator.fault(name, {
        ...(ON_PARTS.has(name) ? { on: 'chunk' } : {}),
        // Of the parts that go out at once, so that none takes the place of the one that stands still.
        ...(name === 'stall' && parameters.on === undefined ? { times: PARTS_AT_ONCE } : {}),
        ...parameters,
      });
    return { ...subject, emulator: { ...subject.emulator, fault } };
  };

describeProvider('the OpenAI adapter over Uploads', {
  start: aimed(starter(PART_BYTES)),
  skip: [
    { id: 'PRV-01-fields-first', reason: 'the fields of an Upload go ahead in a request of their own' },
    {
      id: 'PRV-02-long',
      reason: 'bytes are opened by range, so that none beyond the announced are asked for',
    },
  ],
});

const SMALL_PART_BYTES = 100_000;
const BYTES = words(950_001);

/** Keeps states as the record does: as JSON. */
const createSession = (onSave: (state: Saved | null) => unknown = () => undefined) => {
  let kept = 'null';
  return {
    get state(): unknown {
      return JSON.parse(kept);
    },
    save: async (state: unknown): Promise<void> => {
      kept = JSON.stringify(state);
      await onSave(state as Saved | null);
    },
  } satisfies UploadSession;
};

interface Saved {
  readonly uploadId: string;
  readonly partIds: readonly (string | null)[];
}

const sentParts = (state: Saved | null): number => (state?.partIds ?? []).filter((id) => id !== null).length;

/** Where the ranges opened begin, smallest first: parts that go out at once are opened in any order. */
const startsOf = (source: RecordingSource): number[] =>
  source
    .ranges()
    .map(({ start }) => start)
    .toSorted((a, b) => a - b);

/** An upload that was cut off after some parts, and what was kept of it. */
const interrupted = async () => {
  const subject = await starter(SMALL_PART_BYTES)();
  let isCut = false;
  const session = createSession(async (state) => {
    if (isCut || sentParts(state) < 4) return;
    isCut = true;
    await subject.emulator.fault('reset-mid', { on: 'chunk', afterBytes: 50_000 });
  });
  const source = sourceOf(BYTES, 30_000);
  const error = await failureOf(send(subject.provider, { bytes: BYTES, source, session }));
  expect(error).toMatchObject({ ...UNAVAILABLE, outcome: 'not_done' });
  await within(source.ended());

  return { subject, session, state: session.state as Saved };
};

describe('an Upload', () => {
  it('gets its parts in any order and becomes the same bytes', async () => {
    const subject = await starter(SMALL_PART_BYTES)();
    try {
      await subject.emulator.fault('drip', { on: 'chunk', bytesPerSecond: 400_000 });
      const session = createSession();
      const source = sourceOf(BYTES, 30_000);
      const seen: number[] = [];
      await send(subject.provider, {
        bytes: BYTES,
        source,
        session,
        onProgress: (bytes) => seen.push(bytes),
      });
      expect(await storedFiles(subject)).toMatchObject([{ sha256: sha256(BYTES), bytes: BYTES.length }]);
      expect(source.ranges()).toHaveLength(10);
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
      expect(session.state).toBeNull();
    } finally {
      await subject.close();
    }
  });

  it('sends three parts at once and no more', async () => {
    const subject = await starter(SMALL_PART_BYTES)({ timeouts: { idleMs: 20_000, totalMs: 20_000 } });
    try {
      await subject.emulator.fault('stall', { on: 'chunk', times: 10 });
      const leaving = new AbortController();
      const source = sourceOf(BYTES);
      const sent = watched(send(subject.provider, { bytes: BYTES, source, signal: leaving.signal }));
      await subject.emulator.stateWhen(({ requests }) => requests.length === 4);
      expect(startsOf(source)).toEqual([0, 100_000, 200_000]);
      const reason = new Error('changed my mind');
      leaving.abort(reason);
      expect(await failureOf(sent)).toBe(reason);
      await within(source.ended());
      expect((await subject.emulator.state()).requests).toHaveLength(4);
    } finally {
      await subject.close();
    }
  });

  it('goes on after a cut with the parts that are missing, and those only', async () => {
    const { subject, session, state } = await interrupted();
    try {
      const source = sourceOf(BYTES, 30_000);
      const seen: number[] = [];
      const onProgress = (bytes: number): unknown => seen.push(bytes);
      const remote = await send(subject.provider, { bytes: BYTES, source, session, onProgress });
      const missing = state.partIds.flatMap((id, index) => (id === null ? [index * SMALL_PART_BYTES] : []));
      expect(missing.length).toBeGreaterThan(0);
      expect(missing.length).toBeLessThan(7);
      expect(startsOf(source)).toEqual(missing);
      expect(seen[0]).toBe(sentParts(state) * SMALL_PART_BYTES);
      expect(seen.at(-1)).toBe(BYTES.length);
      expect(await storedFiles(subject)).toMatchObject([{ id: remote.id, sha256: sha256(BYTES) }]);
      const { uploads } = await subject.emulator.state();
      expect(uploads).toMatchObject([{ id: state.uploadId, status: 'completed' }]);
    } finally {
      await subject.close();
    }
  });

  it('starts anew when the time of the one before is up, or its state is of another file or none at all', async () => {
    const { subject, session, state } = await interrupted();
    try {
      for (const change of [
        { ...state, expiresAtMs: Date.now() },
        { ...state, sizeBytes: 950_002 },
        { ...state, partIds: [] },
        { session: 'of another protocol' },
      ]) {
        await session.save(change);
        const source = sourceOf(BYTES);
        await send(subject.provider, { bytes: BYTES, source, session });
        expect(source.ranges()).toHaveLength(10);
      }
      const hashes = (await storedFiles(subject)).map((file) => file.sha256);
      expect(hashes).toEqual(Array(4).fill(sha256(BYTES)));
    } finally {
      await subject.close();
    }
  });

  it.each([
    ['has let it expire', 'uploadLifetimeMs'],
    ['does not know it', 'no-such'],
  ])('is forgotten when OpenAI %s, so that the next attempt starts anew', async (_, way) => {
    const { subject, session } = await interrupted();
    try {
      const { emulator, provider } = subject;
      if (way === 'no-such') await emulator.fault('no-such', { on: 'chunk', times: 3 });
      else await emulator.control('PUT', '/variants', { uploadLifetimeMs: 0 });
      await expectFailure(send(provider, { bytes: BYTES, session }), UNAVAILABLE);
      expect(session.state).toBeNull();
      await emulator.control('PUT', '/variants', { uploadLifetimeMs: 3_600_000 });
      const source = sourceOf(BYTES);
      await send(provider, { bytes: BYTES, source, session });
      expect(source.ranges()).toHaveLength(10);
      expect(await storedFiles(subject)).toMatchObject([{ sha256: sha256(BYTES) }]);
    } finally {
      await subject.close();
    }
  });

  it('is cancelled when OpenAI refuses it for good', async () => {
    for (const on of ['chunk', 'finalize']) {
      const subject = await starter(SMALL_PART_BYTES)();
      try {
        await subject.emulator.fault('status', { on, status: 400 });
        const session = createSession();
        await expectFailure(send(subject.provider, { bytes: BYTES, session }), REJECTED);
        expect(session.state).toBeNull();
        expect((await subject.emulator.state()).uploads).toMatchObject([{ status: 'cancelled' }]);
      } finally {
        await subject.close();
      }
    }
  });

  it.each([
    ['start', 'not_done'],
    ['chunk', 'not_done'],
    ['finalize', 'unknown'],
  ])('leaves nothing in doubt before it is completed: %s is %s', async (on, outcome) => {
    const subject = await starter(SMALL_PART_BYTES)();
    try {
      await subject.emulator.fault('store-then-reset', { on });
      const session = createSession();
      const error = await failureOf(send(subject.provider, { bytes: BYTES, session }));
      expect(error).toMatchObject({ ...UNAVAILABLE, outcome });
      expect(session.state === null).toBe(on === 'start');
      expect(await storedFiles(subject)).toHaveLength(on === 'finalize' ? 1 : 0);
    } finally {
      await subject.close();
    }
  });

  it('keeps what was sent when the source fails, and passes its fault and that of the session on', async () => {
    const subject = await starter(SMALL_PART_BYTES)();
    try {
      const fault = new Error('the disk is gone');
      const source = recordingSource(function* () {
        yield* cut(BYTES.subarray(0, 550_000), 50_000);
        throw fault;
      });
      const session = createSession();
      expect(await failureOf(send(subject.provider, { bytes: BYTES, source, session }))).toBe(fault);
      await within(source.ended());
      expect(sentParts(session.state as Saved)).toBeGreaterThan(0);
      const lost = new Error('another sender has it');
      const deaf: UploadSession = { state: session.state, save: () => Promise.reject(lost) };
      expect(await failureOf(send(subject.provider, { bytes: BYTES, session: deaf }))).toBe(lost);
      await send(subject.provider, { bytes: BYTES, session });
      expect(await storedFiles(subject)).toMatchObject([{ sha256: sha256(BYTES) }]);
    } finally {
      await subject.close();
    }
  });

  it('is only for files above the size of the Files API', async () => {
    const subject = await providerStarter(
      (options) => createOpenAi({ ...options, uploadsAboveBytes: 1_000 }),
      startOpenAiEmulator,
      {},
    )();
    try {
      await send(subject.provider, { bytes: words(1_000) });
      expect((await subject.emulator.state()).uploads).toEqual([]);
      await send(subject.provider, { bytes: words(1_001) });
      expect((await subject.emulator.state()).uploads).toHaveLength(1);
    } finally {
      await subject.close();
    }
  });

  it('may leave out the size of its file', async () => {
    const subject = await starter(SMALL_PART_BYTES)();
    try {
      await subject.emulator.control('PUT', '/variants', { completedFileBytes: 'null' });
      expect(await send(subject.provider, { bytes: BYTES })).toMatchObject({
        sizeBytes: null,
        state: 'ready',
      });
    } finally {
      await subject.close();
    }
  });
});
