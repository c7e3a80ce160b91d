import { describe, expect, it } from 'vitest';
import { startMistralEmulator } from '../../emulators/mistral.ts';
import { createMistral } from '../../src/providers/mistral.ts';
import { all, expectFailure, failureOf, NOT_FOUND, UNAVAILABLE } from './outcome.ts';
import { answerNext, type ProviderSubject, providerStarter, send, storedFiles } from './provider-subject.ts';
import { describeProvider, providerChecks } from './provider-suite.ts';
import { startHttpServer } from './raw-server.ts';
import { words } from './recording-source.ts';

type Variants = NonNullable<Parameters<typeof startMistralEmulator>[0]['variants']>;

const starter = (variants: Variants) =>
  providerStarter(createMistral, startMistralEmulator, { variants }, { failedFile: null });

/** These send the same bytes again and expect another file. */
const SAME_BYTES = ['PRV-01-unicode-name', 'PRV-01-hostile-name', 'PRV-01-path-name', 'PRV-08-full'] as const;

describeProvider('the Mistral adapter', {
  start: starter({}),
  skip: SAME_BYTES.map((id) => ({
    id,
    reason: 'identical bytes are one file at Mistral; run below where they are files of their own',
  })),
});

const withMistral = async (
  run: (subject: ProviderSubject) => Promise<void>,
  { variants = {}, limits = {} }: { variants?: Variants; limits?: object } = {},
): Promise<void> => {
  const subject = await starter(variants)({ limits });
  try {
    await run(subject);
  } finally {
    await subject.close();
  }
};

describe('the Mistral adapter, where identical bytes are files of their own', () => {
  it.each(SAME_BYTES)('%s', async (id) => {
    const check = providerChecks.find((one) => one.id === id);
    expect(check).toBeDefined();
    const subject = await starter({ sameBytes: 'new-file' })(check?.options);
    try {
      await check?.run(subject);
    } finally {
      await subject.close();
    }
  });
});

describe('the Mistral adapter', () => {
  it('answers the first file for bytes that are there already, and a removal takes it from both', () =>
    withMistral(async (subject) => {
      const { provider } = subject;
      const mine = await send(provider, { filename: 'mine.pdf' });
      const yours = await send(provider, { filename: 'yours.jsonl', purpose: 'batch' });
      expect(yours).toEqual(mine);
      expect(yours).toMatchObject({ filename: 'mine.pdf', purpose: 'ocr' });
      expect(await storedFiles(subject)).toHaveLength(1);
      await provider.remove(mine.id, {});
      await expectFailure(provider.retrieve(yours.id, {}), NOT_FOUND);
    }));

  it('makes one file of an upload tried again after a lost answer', () =>
    withMistral(async (subject) => {
      await subject.emulator.fault('store-then-reset');
      expect(await failureOf(send(subject.provider))).toMatchObject({ ...UNAVAILABLE, outcome: 'unknown' });
      const { id } = await send(subject.provider);
      expect(await storedFiles(subject)).toMatchObject([{ id }]);
    }));

  it('tells a full account from a missing right and from a busy service', () =>
    withMistral(async (subject) => {
      const { provider, emulator } = subject;
      for (const [fault, expected] of [
        [{ status: 403 }, { code: 'provider_unauthorized', retry: 'never' }],
        [{ status: 429 }, { ...UNAVAILABLE, retryAfterMs: null }],
        [
          { status: 429, retryAfter: 3 },
          { ...UNAVAILABLE, retryAfterMs: 3_000 },
        ],
        [{ status: 422 }, { code: 'provider_rejected', retry: 'never' }],
      ] as const) {
        await emulator.fault('status', fault);
        expect(await failureOf(send(provider)), JSON.stringify(fault)).toMatchObject(expected);
      }
      const refused = await failureOf(send(provider, { purpose: 'audio' }));
      expect(String(refused)).toMatch(/Mistral answered: body\.purpose: /u);
    }));

  it.each([{ maxFiles: 1 }, { maxTotalBytes: 1_500 }])('says that the account is full: %o', (limits) =>
    withMistral(
      async ({ provider }) => {
        await send(provider);
        const sent = send(provider, { bytes: words(1_001) });
        await expectFailure(sent, { code: 'provider_quota_exceeded', retry: 'never' });
      },
      { limits },
    ),
  );

  it('reports the expiry, where there is one', () =>
    withMistral(
      async ({ provider }) => {
        const { createdAt, expiresAt } = await send(provider);
        expect(Number(expiresAt) - Number(createdAt)).toBe(30 * 86_400_000);
      },
      { variants: { retention: '30-days' } },
    ));

  it('takes a 404 that says nothing of a file for a wrong address', () =>
    withMistral(async (subject) => {
      const { id } = await send(subject.provider);
      for (const body of [{ detail: 'Not Found' }, { message: 'no Route matched with those values' }]) {
        await answerNext(subject, 'delete', { status: 404, body });
        const removed = subject.provider.remove(id, {});
        await expectFailure(removed, { code: 'provider_unavailable', retry: 'never' });
      }
    }));
});

interface Page {
  readonly from: number;
  readonly to: number;
  readonly total?: number | null;
}

/** What a list is made of when the pages are these. */
const listOf = (pages: readonly Page[], run: (list: Promise<string[]>) => Promise<void>) =>
  withMistral(async ({ providerAt }) => {
    const server = await startHttpServer(({ request }, response) => {
      const query = new URL(request.url ?? '', 'http://localhost').searchParams;
      const { from, to, total } = pages[Number(query.get('page'))] ?? { from: 0, to: 0 };
      const data = Array.from({ length: to - from }, (_, n) => ({ id: `file-${from + n}` }));
      response.end(JSON.stringify({ object: 'list', data, total }));
    });
    try {
      await run(all(providerAt(server.url).list({})).then((files) => files.map(({ id }) => id)));
    } finally {
      await server.close();
    }
  });

const upTo = (count: number): string[] => Array.from({ length: count }, (_, n) => `file-${n}`);

describe("the Mistral adapter's list", () => {
  it.each([
    {
      title: 'ends at the total',
      pages: [
        { from: 0, to: 100, total: 150 },
        { from: 100, to: 150, total: 150 },
      ],
    },
    {
      title: 'ends at an empty page where no total is told',
      pages: [
        { from: 0, to: 100 },
        { from: 100, to: 150, total: null },
      ],
    },
    {
      title: 'goes on after a page that is shorter than asked for',
      pages: [0, 50, 100].map((from) => ({ from, to: from + 50, total: 150 })),
    },
    {
      title: 'has each file once when files were added meanwhile',
      pages: [
        { from: 0, to: 100, total: 145 },
        { from: 95, to: 150, total: 155 },
      ],
    },
  ])('$title', ({ pages }) => listOf(pages, async (list) => expect(await list).toEqual(upTo(150))));

  it.each([
    {
      title: 'files were deleted meanwhile',
      pages: [
        { from: 0, to: 100, total: 150 },
        { from: 101, to: 150, total: 149 },
      ],
    },
    {
      title: 'it ends before its total',
      pages: [
        { from: 0, to: 100, total: 150 },
        { from: 100, to: 149, total: 150 },
      ],
    },
    { title: 'its total is not reached', pages: [{ from: 0, to: 0, total: 3 }] },
  ])('fails when $title', ({ pages }) =>
    listOf(pages, async (list) => void (await expectFailure(list, UNAVAILABLE))),
  );
});
