import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { GatewayError } from '../../src/core/errors.ts';
import type { RemoteFile } from '../../src/core/provider.ts';
import { all, expectFailure, failureOf, NOT_FOUND, UNAUTHORIZED, UNAVAILABLE, within } from './outcome.ts';
import {
  answerNext,
  type ProviderCheck,
  type ProviderSubject,
  sampleOf,
  seedFiles,
  send,
  storedFiles,
  toldPurpose,
} from './provider-subject.ts';
import { words } from './recording-source.ts';

const MISSING_ID = 'no-such-file-1';
const CONTENT_UNAVAILABLE = { code: 'content_unavailable', retry: 'never' } as const;

const listed = ({ provider }: ProviderSubject): Promise<RemoteFile[]> =>
  within(all(provider.list({})), 30_000);
const idsOf = (files: readonly RemoteFile[]): string[] => files.map(({ id }) => id).toSorted();

/** Files that are there: PRV-05, PRV-08 and PRV-09. */
export const fileChecks: readonly ProviderCheck[] = [
  {
    id: 'PRV-09-whole',
    title: 'a list has every file once, over all its pages',
    options: { limits: { maxFiles: 1_000 } },
    run: async (subject) => {
      expect(await listed(subject)).toEqual([]);
      const ids = await seedFiles(subject, 230);
      const files = await listed(subject);
      expect(idsOf(files)).toEqual([...ids].toSorted());
      const { filename, purpose } = sampleOf(subject.provider.capabilities);
      expect(files.at(-1)).toMatchObject({
        filename,
        purpose: toldPurpose(subject, purpose),
        sizeBytes: 7,
      });
    },
  },
  ...[
    { aspect: 'repeated-page', fault: 'repeat-page', times: 500 },
    { aspect: 'endless-pages', fault: 'endless-pages', times: 1_000_000 },
  ].map(
    ({ aspect, fault, times }): ProviderCheck => ({
      id: `PRV-09-${aspect}`,
      title: 'a list that goes round or on for ever ends: whole, each file once, or as a failure',
      options: { limits: { maxFiles: 1_000 } },
      run: async (subject) => {
        const ids = await seedFiles(subject, 130);
        await subject.emulator.fault(fault, { times });
        const outcome = await listed(subject).catch((error: unknown) => error);
        if (Array.isArray(outcome)) {
          const found = idsOf(outcome as RemoteFile[]);
          expect(new Set(found).size).toBe(found.length);
          if (fault === 'repeat-page') expect(found).toEqual([...ids].toSorted());
          return;
        }
        expect(outcome).toBeInstanceOf(GatewayError);
        expect(outcome).toMatchObject(UNAVAILABLE);
      },
    }),
  ),
  {
    id: 'PRV-09-half',
    title: 'a list that breaks off, or is none, fails and does not pass for a short one',
    run: async (subject) => {
      await seedFiles(subject, 6);
      await subject.emulator.fault('list-fails-half-way');
      await expectFailure(listed(subject), UNAVAILABLE);
      for (const body of [{}, [], { data: 'soon' }, { object: 'list' }, { data: [{ id: 7 }] }]) {
        if (isDeepStrictEqual(body, subject.protocol.emptyList)) continue;
        await answerNext(subject, 'list', { body });
        await expectFailure(listed(subject), UNAVAILABLE, JSON.stringify(body));
      }
    },
  },
  {
    id: 'PRV-09-shuffled',
    title: 'a list in any order is the same list',
    run: async (subject) => {
      const ids = await seedFiles(subject, 9);
      await subject.emulator.fault('shuffle');
      expect(idsOf(await listed(subject))).toEqual([...ids].toSorted());
    },
  },
  {
    id: 'PRV-08-retrieve',
    title: 'a file that is there can be retrieved, one that is not is not_found',
    run: async ({ provider }) => {
      const sent = await send(provider);
      expect(await provider.retrieve(sent.id, {})).toEqual(sent);
      await expectFailure(provider.retrieve(MISSING_ID, {}), NOT_FOUND);
    },
  },
  {
    id: 'PRV-08-lifetime',
    title: 'the expiry is reported as the capabilities say',
    run: async ({ provider }) => {
      const { lifetimeMs } = provider.capabilities;
      const { createdAt, expiresAt } = await send(provider);
      expect(createdAt).toBeInstanceOf(Date);
      if (lifetimeMs === null) return expect(expiresAt).toBeNull();
      expect(Number(expiresAt) - Number(createdAt)).toBe(lifetimeMs);
    },
  },
  {
    id: 'PRV-08-content',
    title: 'the content is what the capabilities say, or refused as unavailable',
    run: async (subject) => {
      const { provider, emulator } = subject;
      const bytes = words(3_000);
      const { id } = await send(provider, { bytes });
      if (provider.capabilities.content === 'none') {
        await expectFailure(provider.content(id, {}), CONTENT_UNAVAILABLE);
        return;
      }
      const read = async (): Promise<string> =>
        Buffer.concat(await within(all((await provider.content(id, {})).body))).toString();
      const text = await read();
      expect(text).toContain(JSON.stringify(bytes.toString()).slice(1, -1));
      await emulator.fault('gzip', { on: 'content' });
      expect(await read()).toBe(text);
    },
  },
  {
    id: 'PRV-06-content',
    title: 'content that is missing, refused, cut off or left unread fails or ends as every call does',
    run: async (subject) => {
      const { provider, emulator } = subject;
      if (provider.capabilities.content === 'none') return;
      const { id } = await send(provider, { bytes: words(300_000) });
      await expectFailure(provider.content(MISSING_ID, {}), NOT_FOUND);
      await answerNext(subject, 'content', { status: 401, body: '' });
      await expectFailure(provider.content(id, {}), UNAUTHORIZED);
      const read = async (signal?: AbortSignal): Promise<unknown> =>
        all((await provider.content(id, { signal })).body);
      for (const [fault, parameters] of [
        ['bad-length', { delta: 10 }],
        ['gzip-garbage', {}],
        ['stall', {}],
      ] as const) {
        await emulator.fault(fault, { on: 'content', ...parameters });
        await expectFailure(read(), UNAVAILABLE, fault);
      }
      const leaving = new AbortController();
      const reason = new Error('changed my mind');
      await emulator.fault('endless-body', { on: 'content' });
      const { body } = await provider.content(id, { signal: leaving.signal });
      const reading = all(body);
      leaving.abort(reason);
      expect(await failureOf(reading)).toBe(reason);
      await emulator.fault('endless-body', { on: 'content' });
      for await (const piece of (await provider.content(id, {})).body) {
        expect(piece.length).toBeGreaterThan(0);
        break;
      }
    },
  },
  {
    id: 'PRV-05-remove',
    title: 'a removed file is gone, and removing it again succeeds',
    run: async (subject) => {
      const { provider, emulator } = subject;
      const { id } = await send(provider);
      await provider.remove(id, {});
      expect(await storedFiles(subject)).toEqual([]);
      await provider.remove(id, {});
      await provider.remove(MISSING_ID, {});
      expect((await emulator.state()).deleted).toEqual([id]);
    },
  },
  {
    id: 'PRV-05-denied',
    title: 'an answer that does not say the file is gone is a failure',
    run: async (subject) => {
      const { provider, emulator } = subject;
      const { id } = await send(provider);
      await emulator.fault('deleted-false');
      await expectFailure(provider.remove(id, {}), UNAVAILABLE);
      for (const body of [{}, { id, deleted: 'yes' }, '']) {
        await answerNext(subject, 'delete', { body });
        await expectFailure(provider.remove(id, {}), UNAVAILABLE, JSON.stringify(body));
      }
      expect(await storedFiles(subject)).toHaveLength(1);
    },
  },
  {
    id: 'PRV-05-lost-answer',
    title: 'a removal whose answer was lost fails, and succeeds when tried again',
    run: async (subject) => {
      const { provider, emulator } = subject;
      for (const parameters of [{ status: 500 }, { reset: true }]) {
        const { id } = await send(provider);
        await emulator.fault('delete-then-status', parameters);
        await expectFailure(provider.remove(id, {}), UNAVAILABLE);
        await within(provider.remove(id, {}));
      }
      expect(await storedFiles(subject)).toEqual([]);
    },
  },
];
