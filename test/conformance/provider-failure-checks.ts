import { expect } from 'vitest';
import { API_KEY } from '../../emulators/testing/emulator-client.ts';
import { GatewayError } from '../../src/core/errors.ts';
import { collectGarbage } from './collect-garbage.ts';
import {
  all,
  expectFailure,
  failureOf,
  MISADDRESSED,
  REJECTED,
  REPEATABLE,
  UNAUTHORIZED,
  UNAVAILABLE,
  within,
} from './outcome.ts';
import { answerNext, type ProviderCheck, send, storedFiles } from './provider-subject.ts';
import { refusedAddress, startHttpServer, startSocketServer } from './raw-server.ts';
import { sha256, sourceOf, words } from './recording-source.ts';

/** What an upload refused with each status means. 404 says that the address is wrong: an upload names no file. */
const STATUSES = {
  400: REJECTED,
  401: UNAUTHORIZED,
  403: UNAUTHORIZED,
  404: MISADDRESSED,
  408: REPEATABLE,
  409: REPEATABLE,
  413: REJECTED,
  415: REJECTED,
  429: UNAVAILABLE,
  500: UNAVAILABLE,
  502: UNAVAILABLE,
  503: UNAVAILABLE,
  504: UNAVAILABLE,
  529: UNAVAILABLE,
} as const;

const PAGE = '<html><body>An error page of a proxy</body></html>';

/** Answers under 200 that are none. After each of them it is unknown whether the file was stored: worth looking and trying again. */
const UNUSABLE: Readonly<Record<string, readonly [fault: string, parameters: object][]>> = {
  'malformed-answer': [['malformed-json', {}]],
  'truncated-answer': [
    ['truncated-json', {}],
    ['bad-length', { delta: 10 }],
    ['bad-length', { delta: -10 }],
  ],
  'empty-answer': [['empty-body', {}]],
  'html-answer': [['html-body', {}]],
  'bad-gzip': [['gzip-garbage', {}]],
  'no-id': ['absent', 'empty', 'numeric', 'null'].map((value) => ['no-id', { value }]),
  'bad-id': ['../../admin', '.', '..', 'a/b', 'a\r\nb: c', 'a b', 'a?b#c', 'x'.repeat(10_000)].map((id) => [
    'bad-id',
    { id },
  ]),
};

/** Ways in which the line fails; all of them end within the timeouts. */
const NETWORK: Readonly<Record<string, readonly [fault: string, parameters: object, sizeBytes: number]>> = {
  'reset-before': ['reset-before', {}, 1_000],
  'reset-mid': ['reset-mid', { afterBytes: 300_000 }, 8 * 2 ** 20],
  'reset-after': ['store-then-reset', {}, 1_000],
  'stall-small': ['stall', {}, 1_000],
  'stall-large': ['stall', {}, 24 * 2 ** 20],
  'stall-after': ['store-then-stall', {}, 1_000],
  'late-answer': ['slow-answer', { delayMs: 3_000 }, 1_000],
};

export const failureChecks: readonly ProviderCheck[] = [
  ...Object.entries(STATUSES).flatMap(([status, expected]): ProviderCheck[] => [
    {
      id: `PRV-06-status-${status}`,
      title: `${status} is ${expected.code}, to be tried again ${expected.retry}; in the provider's words and in a proxy's`,
      run: async (subject) => {
        const { provider, emulator } = subject;
        await emulator.fault('status', { status: Number(status) });
        await expectFailure(send(provider), expected, 'own words');
        await emulator.fault('status', { status: Number(status), body: PAGE });
        await expectFailure(send(provider), expected, 'HTML');
        await emulator.fault('status', { status: Number(status), body: '' });
        await expectFailure(send(provider), expected, 'empty');
        expect(await storedFiles(subject)).toEqual([]);
      },
    },
  ]),
  ...Object.entries(UNUSABLE).map(
    ([aspect, faults]): ProviderCheck => ({
      id: `PRV-06-${aspect}`,
      title: 'an answer that is not understood is no success',
      run: async ({ provider, emulator }) => {
        for (const [fault, parameters] of faults) {
          await emulator.fault(fault, { ...parameters });
          await expectFailure(send(provider), UNAVAILABLE, JSON.stringify(parameters));
        }
      },
    }),
  ),
  ...Object.entries(NETWORK).map(
    ([aspect, [fault, parameters, sizeBytes]]): ProviderCheck => ({
      id: `PRV-06-${aspect}`,
      title: 'a fault of the line ends the upload in time, to be tried again, and closes the source',
      run: async ({ provider, emulator }) => {
        await emulator.fault(fault, { ...parameters });
        const bytes = words(sizeBytes);
        const source = sourceOf(bytes);
        await expectFailure(send(provider, { bytes, source }), UNAVAILABLE);
        await within(source.ended());
      },
    }),
  ),
  {
    id: 'PRV-06-refused-port',
    title: 'a server that is not there is to be tried again',
    run: async ({ providerAt }) => {
      const source = sourceOf(words(1_000));
      await expectFailure(send(providerAt(await refusedAddress()), { source }), UNAVAILABLE);
      await within(source.ended());
    },
  },
  {
    id: 'PRV-06-close-mid-body',
    title: 'a connection closed in the middle of the body is to be tried again',
    run: async ({ providerAt }) => {
      const server = await startSocketServer((socket) => socket.once('data', () => socket.end()));
      try {
        const bytes = words(8 * 2 ** 20);
        const source = sourceOf(bytes);
        await expectFailure(send(providerAt(server.url), { bytes, source }), UNAVAILABLE);
        await within(source.ended());
      } finally {
        await server.close();
      }
    },
  },
  {
    id: 'PRV-06-early-status',
    title: 'a refusal that comes before the body is read is heard',
    run: async ({ provider, emulator }) => {
      for (const [status, expected] of [
        [413, REJECTED],
        [401, UNAUTHORIZED],
      ] as const) {
        await emulator.fault('early-status', { status });
        const bytes = words(24 * 2 ** 20);
        const source = sourceOf(bytes);
        await expectFailure(send(provider, { bytes, source }), expected);
        await within(source.ended());
      }
    },
  },
  {
    id: 'PRV-06-cut-refusal',
    title: 'a refusal whose text is cut off still is that refusal',
    run: async ({ providerAt }) => {
      const server = await startHttpServer((_, response) => {
        response.writeHead(413, { 'content-length': 100 });
        response.write('{"error": {', () => response.destroy());
      });
      try {
        await expectFailure(send(providerAt(server.url)), REJECTED);
      } finally {
        await server.close();
      }
    },
  },
  {
    id: 'PRV-06-endless-answer',
    title: 'an answer without an end is given up, by time or by size',
    options: { timeouts: { totalMs: 700 } },
    run: async ({ provider, emulator }) => {
      await emulator.fault('endless-body', { delayMs: 20 });
      await expectFailure(send(provider), UNAVAILABLE);
      await emulator.fault('endless-body', { on: 'list', delayMs: 0, chunkBytes: 1_048_576 });
      await expectFailure(all(provider.list({})), UNAVAILABLE);
    },
  },
  {
    id: 'PRV-06-total-timeout',
    title: 'the timeout of the whole exchange outlives garbage collections',
    options: { timeouts: { totalMs: 700 } },
    alone: true,
    run: async ({ provider, emulator }) => {
      const collecting = setInterval(collectGarbage, 20);
      try {
        await emulator.fault('endless-body', { delayMs: 20 });
        await expectFailure(send(provider), UNAVAILABLE);
      } finally {
        clearInterval(collecting);
      }
    },
  },
  {
    id: 'PRV-06-patience',
    title: 'a provider that is slow but moving is waited for',
    options: { timeouts: { idleMs: 600, totalMs: 20_000 } },
    run: async (subject) => {
      const { provider, emulator } = subject;
      await emulator.fault('slow-answer', { delayMs: 150 });
      await send(provider);
      await emulator.fault('drip', { bytesPerSecond: 24 * 2 ** 20 });
      const bytes = words(32 * 2 ** 20);
      await within(send(provider, { bytes, source: sourceOf(bytes, 2 ** 20) }), 15_000);
      expect((await storedFiles(subject))[0]?.sha256).toBe(sha256(bytes));
    },
  },
  {
    id: 'PRV-06-error-in-200',
    title: 'an error under status 200 is an error',
    run: async (subject) => {
      await subject.emulator.fault('error-in-200');
      await expectFailure(send(subject.provider), UNAVAILABLE);
      await subject.emulator.fault('error-in-200', { on: 'list' });
      await expectFailure(all(subject.provider.list({})), UNAVAILABLE);
    },
  },
  {
    id: 'PRV-06-gzip',
    title: 'a compressed answer is read although none was asked for',
    run: async ({ provider, emulator }) => {
      await emulator.fault('gzip');
      expect((await send(provider)).state).toBe('ready');
    },
  },
  {
    id: 'PRV-06-retry-after',
    title: 'the wait that the provider asks for is told, in seconds or as a date; nonsense is not',
    run: async ({ provider, emulator }) => {
      const waitAfter = async (retryAfter: string | number | null): Promise<number | null> => {
        await emulator.fault('status', { status: 503, retryAfter });
        return (await expectFailure(send(provider), UNAVAILABLE)).retryAfterMs;
      };
      expect(await waitAfter(7)).toBe(7_000);
      const date = await waitAfter(new Date(Date.now() + 60_000).toUTCString());
      expect(date).toBeGreaterThan(50_000);
      expect(date).toBeLessThanOrEqual(60_000);
      for (const nonsense of ['soon(ish)', 'try 2099', '-3', '', '1e9', null, new Date(0).toUTCString()]) {
        expect(await waitAfter(nonsense), String(nonsense)).toBeNull();
      }
    },
  },
  {
    id: 'PRV-06-every-call',
    title: 'failures are told apart in every call, not only in uploads',
    run: async (subject) => {
      const { provider } = subject;
      const { id } = await send(provider);
      const calls = {
        retrieve: () => provider.retrieve(id, {}),
        list: () => all(provider.list({})),
        delete: () => provider.remove(id, {}),
      } as const;
      for (const [on, call] of Object.entries(calls) as [keyof typeof calls, () => Promise<unknown>][]) {
        await answerNext(subject, on, { status: 401, body: PAGE });
        await expectFailure(call(), UNAUTHORIZED, on);
        await answerNext(subject, on, { status: 503, body: PAGE });
        await expectFailure(call(), UNAVAILABLE, on);
        await subject.emulator.fault('stall', { on });
        await expectFailure(call(), UNAVAILABLE, on);
        const reason = new Error('changed my mind');
        const aborted = { signal: AbortSignal.abort(reason) };
        expect(await failureOf(provider.retrieve(id, aborted))).toBe(reason);
        expect(await failureOf(provider.remove(id, aborted))).toBe(reason);
      }
    },
  },
  {
    id: 'PRV-06-redirect',
    title: 'a redirect is not followed, and no key goes there',
    run: async ({ provider, emulator }) => {
      let arrivals = 0;
      const elsewhere = await startHttpServer((_, response) => {
        arrivals += 1;
        response.end('{}');
      });
      try {
        for (const status of [301, 302, 307, 308]) {
          await emulator.fault('redirect', { location: `${elsewhere.url}/files`, status });
          await expectFailure(send(provider), MISADDRESSED);
        }
        await emulator.fault('redirect', { on: 'list', location: `${elsewhere.url}/files`, status: 302 });
        await expectFailure(all(provider.list({})), MISADDRESSED);
      } finally {
        await elsewhere.close();
      }
      expect(arrivals).toBe(0);
    },
  },
  {
    id: 'PRV-07-secret',
    title: 'no error and no cause of one contains the key',
    options: { timeouts: { idleMs: 150 } },
    run: async (subject) => {
      const message = `The key ${API_KEY} (Bearer ${API_KEY}) is not known here. `;
      const error = { message, code: '1214', type: 'invalid_request_error' };
      const failures: unknown[] = [];
      for (const status of [200, 400, 401, 500]) {
        for (const body of [{ error }, message, { id: message }]) {
          await answerNext(subject, 'upload', { status, body });
          failures.push(await failureOf(send(subject.provider)));
        }
      }
      for (const fault of ['reset-before', 'stall', 'gzip-garbage']) {
        await subject.emulator.fault(fault);
        failures.push(await failureOf(send(subject.provider)));
      }
      failures.push(await failureOf(send(subject.providerAt(await refusedAddress()))));
      expect(failures.flatMap(texts).filter((text) => text.includes(API_KEY))).toEqual([]);
    },
  },
  {
    id: 'PRV-07-quotation',
    title:
      "the provider's words are shortened and cleaned before they are shown, and its verdict on a file too",
    run: async (subject) => {
      const words = `bad\r\nthing \u001b[31m\u202e${'x'.repeat(100_000)}`;
      const error = { message: words, code: '1214', type: 'invalid_request_error' };
      await answerNext(subject, 'upload', { status: 400, body: { ...error, object: 'error', error } });
      const { message } = await expectFailure(send(subject.provider), REJECTED);
      const told = [message];
      const { failedFile } = subject.protocol;
      if (failedFile !== null) {
        await answerNext(subject, 'upload', { body: failedFile(words) });
        const remote = await send(subject.provider);
        expect(remote.state).toBe('failed');
        told.push(remote.detail ?? '');
      }
      for (const shown of told) {
        expect(shown).toContain('bad thing');
        expect(shown.length).toBeLessThan(500);
        expect(shown).not.toMatch(/\p{C}/u);
      }
    },
  },
  {
    id: 'PRV-05-address',
    title: 'a wrong address is a failure in every call, and never proof that a file is gone',
    run: async (subject) => {
      const lost = subject.providerAt(`${new URL(subject.emulator.emulator.url).origin}/nowhere`);
      await expectFailure(send(lost), MISADDRESSED);
      await expectFailure(lost.remove('file-1', {}), MISADDRESSED);
      await expectFailure(lost.retrieve('file-1', {}), MISADDRESSED);
      await expectFailure(all(lost.list({})), MISADDRESSED);
      await answerNext(subject, 'delete', { status: 404, body: PAGE });
      await expectFailure(subject.provider.remove('file-1', {}), MISADDRESSED);
    },
  },
];

/** The messages of an error and of its causes, and whatever else shows when it is logged. */
const texts = (error: unknown): string[] => {
  const found: string[] = [];
  for (let current = error; current instanceof Error; current = current.cause) {
    found.push(current.message, current.stack ?? '', JSON.stringify(current));
  }
  expect(error).toBeInstanceOf(GatewayError);
  return found;
};
