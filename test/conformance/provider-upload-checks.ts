import { expect } from 'vitest';
import { GatewayError } from '../../src/core/errors.ts';
import { expectFailure, failureOf, REJECTED, within } from './outcome.ts';
import {
  type ProviderCheck,
  sampleOf,
  send,
  storedFiles,
  storedPurpose,
  toldPurpose,
} from './provider-subject.ts';
import { type ReceivedRequest, startHttpServer } from './raw-server.ts';
import { recordingSource, sha256, sourceOf, words } from './recording-source.ts';

const LIMIT_BYTES = 40_000;

/** Bytes, fields and names on their way out: PRV-01, PRV-03, PRV-08. */
export const uploadChecks: readonly ProviderCheck[] = [
  {
    id: 'PRV-01-bytes',
    title: 'the provider gets the very bytes, whatever the pieces they came in',
    run: async (subject) => {
      for (const [sizeBytes, pieceBytes] of [
        [1, 1],
        [65_537, 4_093],
        [5_000_003, 1_048_576],
      ] as const) {
        const bytes = words(sizeBytes);
        const remote = await send(subject.provider, { bytes, source: sourceOf(bytes, pieceBytes) });
        const stored = (await storedFiles(subject)).find(({ id }) => id === remote.id);
        expect(stored).toMatchObject({ sha256: sha256(bytes), bytes: sizeBytes });
        expect(remote.sizeBytes).toBe(sizeBytes);
      }
    },
  },
  {
    id: 'PRV-01-length',
    title: 'the size is announced, and nothing is sent chunked',
    run: async ({ provider, emulator }) => {
      await send(provider);
      const { requests } = await emulator.state();
      expect(requests.length).toBeGreaterThan(0);
      for (const { headers, bytesReceived } of requests) {
        expect(headers).not.toHaveProperty('transfer-encoding');
        expect(headers['content-length']).toBe(String(bytesReceived));
      }
    },
  },
  {
    id: 'PRV-01-fields-first',
    title: 'small fields come before the file',
    run: async ({ provider, providerAt }) => {
      const received: ReceivedRequest[] = [];
      const server = await startHttpServer((request, response) => {
        received.push(request);
        response.end();
      });
      try {
        await failureOf(send(providerAt(server.url)));
      } finally {
        await server.close();
      }
      const body = received[0]?.body.toString() ?? '';
      expect(body.indexOf(`\r\n\r\n${sampleOf(provider.capabilities).purpose}\r\n`)).toBeGreaterThan(0);
      expect(body.indexOf('\r\n\r\nLine 0')).toBeGreaterThan(body.indexOf('name="purpose"'));
    },
  },
  {
    id: 'PRV-01-fields',
    title: 'purpose, media type and name arrive, and come back',
    run: async (subject) => {
      const { purpose, filename } = sampleOf(subject.provider.capabilities);
      const remote = await send(subject.provider);
      expect(await storedFiles(subject)).toMatchObject([
        { ...storedPurpose(subject, purpose), filename, mediaType: 'text/plain' },
      ]);
      expect(remote).toMatchObject({ filename, purpose: toldPurpose(subject, purpose), state: 'ready' });
    },
  },
  {
    id: 'PRV-01-hostile-media-type',
    title: 'a hostile media type starts no header of its own',
    run: async (subject) => {
      await send(subject.provider, { mediaType: 'text/plain\r\nContent-Disposition: form-data; name="x"' });
      expect(await storedFiles(subject)).toMatchObject([
        { mediaType: 'application/octet-stream', sha256: sha256(words(1_000)) },
      ]);
    },
  },
  ...Object.entries({
    'unicode-name': ['Bericht für 北京 – 😀', 'e\u0301te\u0301', '名'.repeat(83), 'ä'.repeat(125)],
    'hostile-name': [
      'say "hello"; filename="b.exe',
      'x"\r\n\r\nbody\r\n--boundary',
      'line\nfeed\rreturn\u0000null',
      'back\\slash\\"quote',
      '%22%0d%0a',
      'lone\ud800surrogate',
      "it's; a=b, c",
      'a'.repeat(251),
    ],
  }).map(
    ([aspect, stems]): ProviderCheck => ({
      id: `PRV-01-${aspect}`,
      title: 'a name arrives as one name, and changes neither fields nor bytes',
      run: async (subject) => {
        const sample = sampleOf(subject.provider.capabilities);
        const extension = sample.filename.slice(sample.filename.lastIndexOf('.'));
        for (const stem of stems) {
          const filename = `${stem}${extension}`;
          const { id } = await send(subject.provider, { filename });
          const stored = (await storedFiles(subject)).find((file) => file.id === id);
          expect(stored, stem).toMatchObject({
            ...storedPurpose(subject, sample.purpose),
            sha256: sha256(words(1_000)),
          });
          if (aspect === 'unicode-name') expect(stored?.filename).toBe(filename);
          expect(stored?.filename.endsWith(extension), stem).toBe(true);
          // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not arrive
          expect(stored?.filename, stem).not.toMatch(/[\u0000-\u001f]/u);
          if (subject.protocol.names === 'multipart') expect(stored?.filename, stem).not.toContain('"');
        }
        expect(await storedFiles(subject)).toHaveLength(stems.length);
      },
    }),
  ),
  {
    id: 'PRV-01-path-name',
    title: 'a name with path parts reaches the provider as one file',
    run: async (subject) => {
      const { filename, purpose } = sampleOf(subject.provider.capabilities);
      for (const path of ['../../etc/', 'C:\\Users\\me\\', '/']) {
        await send(subject.provider, { filename: `${path}${filename}` });
      }
      const stored = await storedFiles(subject);
      const likeIt = expect.objectContaining(storedPurpose(subject, purpose));
      expect(stored).toEqual([likeIt, likeIt, likeIt]);
      expect(stored.every((file) => file.filename.endsWith(filename))).toBe(true);
    },
  },
  {
    id: 'PRV-03-progress',
    title: 'progress only grows, and ends at the size',
    run: async ({ provider }) => {
      const bytes = words(3_000_000);
      const seen: number[] = [];
      await send(provider, { bytes, onProgress: (bytesSent) => seen.push(bytesSent) });
      expect(seen.length).toBeGreaterThan(10);
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
      expect(seen.at(-1)).toBe(bytes.length);
    },
  },
  {
    id: 'PRV-03-follows-network',
    title: 'progress is what the network took, not what the source could give',
    run: async ({ provider, emulator }) => {
      await emulator.fault('stall');
      const bytes = words(24 * 2 ** 20);
      let sentBytes = 0;
      await failureOf(
        send(provider, {
          bytes,
          onProgress: (bytesSent) => {
            sentBytes = bytesSent;
          },
        }),
      );
      expect(sentBytes).toBeLessThan(bytes.length);
    },
  },
  {
    id: 'PRV-08-empty',
    title: 'an empty file is refused for good',
    run: async (subject) => {
      await expectFailure(send(subject.provider, { bytes: Buffer.alloc(0) }), REJECTED);
      expect(await storedFiles(subject)).toEqual([]);
    },
  },
  {
    id: 'PRV-08-limit',
    title: 'a file of exactly the limit is taken, one byte more is refused for good',
    options: { limits: { maxFileBytes: LIMIT_BYTES } },
    run: async (subject) => {
      const { provider } = subject;
      expect(provider.capabilities.maxFileBytes).toBe(LIMIT_BYTES);
      await send(provider, { bytes: words(LIMIT_BYTES) });
      await expectFailure(send(provider, { bytes: words(LIMIT_BYTES + 1) }), REJECTED);
      expect(await storedFiles(subject)).toMatchObject([{ bytes: LIMIT_BYTES }]);
    },
  },
  {
    id: 'PRV-08-full',
    title: 'a full account is no reason to try again',
    options: { limits: { maxFiles: 1 } },
    run: async ({ provider }) => {
      await send(provider);
      const error = await failureOf(send(provider));
      expect(error).toBeInstanceOf(GatewayError);
      expect(error).toMatchObject({
        code: expect.stringMatching(/^provider_(rejected|quota_exceeded)$/u),
        retry: 'never',
      });
    },
  },
  {
    id: 'PRV-08-purposes',
    title: 'every claimed purpose takes every kind of file claimed for it',
    run: async ({ provider }) => {
      for (const { purpose, extensions } of Object.values(provider.capabilities.purposes)) {
        for (const extension of extensions ?? ['txt']) {
          const sent = send(provider, { purpose, filename: `sample.${extension}`, bytes: words(60) });
          await expect(sent, `${purpose} .${extension}`).resolves.toMatchObject({ state: 'ready' });
        }
      }
    },
    options: { limits: { maxFiles: 1_000 } },
  },
  {
    id: 'PRV-08-unknown-purpose',
    title: 'a purpose the provider does not know is refused for good',
    run: async ({ provider }) => {
      await expectFailure(send(provider, { purpose: 'no-such-purpose' }), REJECTED);
    },
  },
  {
    id: 'PRV-08-concurrency',
    title: 'as many uploads as claimed may run at once',
    run: async (subject) => {
      const { provider } = subject;
      const files = Array.from({ length: provider.capabilities.concurrency }, (_, n) => words(200_000 + n));
      await Promise.all(files.map((bytes) => send(provider, { bytes })));
      const hashes = (await storedFiles(subject)).map((file) => file.sha256);
      expect(hashes.toSorted()).toEqual(files.map(sha256).toSorted());
    },
  },
];

/** The source and its life: PRV-02, PRV-04. */
export const sourceChecks: readonly ProviderCheck[] = [
  {
    id: 'PRV-02-once',
    title: 'the source is opened once and read to its end',
    run: async ({ provider }) => {
      const bytes = words(300_000);
      const source = sourceOf(bytes);
      await send(provider, { bytes, source });
      expect(source.opened()).toBe(1);
      await within(source.ended());
    },
  },
  {
    id: 'PRV-02-again',
    title: 'after a failure a second upload opens again and sends everything',
    run: async (subject) => {
      const bytes = words(2_000_000);
      const source = sourceOf(bytes);
      await subject.emulator.fault('reset-mid', { afterBytes: 500_000 });
      await failureOf(send(subject.provider, { bytes, source }));
      await within(source.ended());
      await send(subject.provider, { bytes, source });
      expect(source.opened()).toBe(2);
      expect(await storedFiles(subject)).toMatchObject([{ sha256: sha256(bytes) }]);
    },
  },
  {
    id: 'PRV-02-fault',
    title: 'what the source fails with comes through unchanged, and nothing is stored',
    run: async (subject) => {
      const fault = new Error('the disk is gone');
      for (const readBytes of [0, 400_000]) {
        const source = recordingSource(async function* () {
          if (readBytes > 0) yield words(readBytes);
          throw fault;
        });
        expect(await failureOf(send(subject.provider, { sizeBytes: 1_000_000, source }))).toBe(fault);
        await within(source.ended());
      }
      expect(await storedFiles(subject)).toEqual([]);
    },
  },
  ...[
    { aspect: 'short', sizeBytes: 999_999 + 2 },
    { aspect: 'long', sizeBytes: 999_999 },
  ].map(
    ({ aspect, sizeBytes }): ProviderCheck => ({
      id: `PRV-02-${aspect}`,
      title: `a source too ${aspect} for its announced size fails, and nothing is stored`,
      run: async (subject) => {
        const source = sourceOf(words(1_000_000));
        const error = await failureOf(send(subject.provider, { sizeBytes, source }));
        expect(error).toMatchObject({ message: expect.stringContaining('bytes') });
        expect(error).not.toBeInstanceOf(GatewayError);
        await within(source.ended());
        expect(await storedFiles(subject)).toEqual([]);
      },
    }),
  ),
  {
    id: 'PRV-02-slow-source',
    title: 'a source that pauses for longer than the idle timeout is not the fault of the provider',
    run: async (subject) => {
      const bytes = words(300_000);
      const source = recordingSource(async function* () {
        yield bytes.subarray(0, 100_000);
        // A pause is what is being checked; half as long again as the idle timeout.
        await new Promise((resolve) => setTimeout(resolve, 450));
        yield bytes.subarray(100_000);
      });
      await send(subject.provider, { bytes, source });
      expect(await storedFiles(subject)).toMatchObject([{ sha256: sha256(bytes) }]);
    },
  },
  {
    id: 'PRV-04-before',
    title: 'an upload aborted before it begins asks nothing of the provider or the source',
    run: async ({ provider, emulator }) => {
      const reason = new Error('changed my mind');
      const source = sourceOf(words(1_000));
      expect(await failureOf(send(provider, { source, signal: AbortSignal.abort(reason) }))).toBe(reason);
      await within(source.ended());
      expect((await emulator.state()).requests).toEqual([]);
    },
  },
  ...(['stall', 'store-then-stall'] as const).map(
    (fault): ProviderCheck => ({
      id: `PRV-04-${fault === 'stall' ? 'during' : 'waiting'}`,
      title: `an abort ends an upload that ${fault === 'stall' ? 'is being sent' : 'waits for its answer'}, and its source`,
      options: { timeouts: { idleMs: 20_000, totalMs: 20_000 } },
      run: async ({ provider, emulator }) => {
        await emulator.fault(fault);
        const reason = new Error('changed my mind');
        const leaving = new AbortController();
        const bytes = words(fault === 'stall' ? 24 * 2 ** 20 : 1_000);
        const source = sourceOf(bytes);
        const isReady = Promise.withResolvers<void>();
        const sent = send(provider, {
          bytes,
          source,
          signal: leaving.signal,
          onProgress: (bytesSent) => {
            if (bytesSent > 100_000 || bytesSent === bytes.length) isReady.resolve();
          },
        });
        sent.catch(() => undefined);
        await within(isReady.promise);
        if (fault !== 'stall') await emulator.stateWhen(({ files }) => files.length === 1);
        leaving.abort(reason);
        expect(await failureOf(sent, 1_000)).toBe(reason);
        await within(source.ended(), 1_000);
      },
    }),
  ),
  {
    id: 'PRV-04-waiting-source',
    title: 'an abort ends an upload whose source has nothing to give yet',
    run: async ({ provider }) => {
      const leaving = new AbortController();
      const reason = new Error('changed my mind');
      const asked = Promise.withResolvers<void>();
      const source = recordingSource(async function* () {
        yield words(500);
        asked.resolve();
        await new Promise<never>(() => undefined);
      });
      const sent = send(provider, { source, signal: leaving.signal });
      sent.catch(() => undefined);
      await within(asked.promise);
      leaving.abort(reason);
      expect(await failureOf(sent, 1_000)).toBe(reason);
    },
  },
];
