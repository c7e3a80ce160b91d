import { describe, expect, it } from 'vitest';
import { startAnthropicEmulator } from '../../emulators/anthropic.ts';
import { strictName } from '../../emulators/anthropic-filename.ts';
import { API_KEY } from '../../emulators/testing/emulator-client.ts';
import { bearsMark, sentName } from '../../src/delivery/sent-name.ts';
import { createAnthropic } from '../../src/providers/anthropic.ts';
import { all, expectFailure, failureOf, NOT_FOUND, REPEATABLE, UNAVAILABLE } from './outcome.ts';
import { answerNext, type ProviderSubject, providerStarter, send, storedFiles } from './provider-subject.ts';
import { describeProvider } from './provider-suite.ts';
import { type ReceivedRequest, startHttpServer } from './raw-server.ts';

type Variants = NonNullable<Parameters<typeof startAnthropicEmulator>[0]['variants']>;

const starter = (variants: Variants) =>
  providerStarter(
    createAnthropic,
    startAnthropicEmulator,
    { variants },
    { keepsPurpose: false, failedFile: null },
  );

describeProvider('the Anthropic adapter', {
  start: starter({}),
  skip: [
    { id: 'PRV-01-fields-first', reason: 'Anthropic refuses a purpose, and no other field is sent' },
    {
      id: 'PRV-08-unknown-purpose',
      reason: 'Anthropic has no purposes, so there is none that it could refuse',
    },
  ],
});

const withAnthropic = async (
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

describe('the Anthropic adapter', () => {
  it('names the key and the version in its own headers, and sends the file alone', () =>
    withAnthropic(async ({ providerAt }) => {
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
      const { headers } = received[0]?.request ?? {};
      expect(headers).toMatchObject({ 'x-api-key': API_KEY, 'anthropic-version': '2023-06-01' });
      expect(headers).not.toHaveProperty('authorization');
      expect(headers).not.toHaveProperty('anthropic-beta');
      expect(received[0]?.body.toString().match(/name="\w+"/gu)).toEqual(['name="file"']);
    }));

  it.each([
    'plan: "Q1"?.pdf',
    'a/b\\c.txt',
    'pipe|star*less<more>.md',
    'tab\tline\r\nnull\u0000del\u007fnel\u0085.txt',
    'lone\ud800surrogate.txt',
    '.hidden',
    `${'名'.repeat(83)}.pdf`,
    `${'😀'.repeat(60)}.docx`,
    `${'x'.repeat(400)}.pdf`,
  ])('makes %j fit the stricter rule for names, with the mark by which a lost copy is found', (filename) =>
    withAnthropic(async (subject) => {
      const deliveryId = '01890a5d-ac96-774b-bcce-b302099a8057';
      const sent = await send(subject.provider, { filename: sentName(filename, deliveryId) });
      const [stored] = await storedFiles(subject);
      expect(strictName(stored?.filename ?? '')).toEqual({ filename: sent.filename });
      expect(bearsMark(sent.filename, deliveryId)).toBe(true);
    }),
  );

  it('keeps the end of a name that is too long, and a good name as it is', () =>
    withAnthropic(async ({ provider }) => {
      const long = await send(provider, { filename: `${'😀'.repeat(300)}.wb-1.pdf` });
      expect(long.filename).toBe(`${'😀'.repeat(246)}.wb-1.pdf`);
      expect([...String(long.filename)]).toHaveLength(255);
      const good = "Bericht (final), v2 – 北京; it's 100%.txt";
      expect((await send(provider, { filename: good })).filename).toBe(good);
    }));

  it('tells a full organization from a missing right and from a busy service', () =>
    withAnthropic(async ({ provider, emulator }) => {
      const full = { code: 'provider_quota_exceeded', retry: 'never' };
      for (const [fault, expected] of [
        [{ status: 400, code: 'storage_quota_exceeded' }, full],
        [{ status: 403, code: 'storage_quota_exceeded' }, full],
        [{ status: 402, code: 'billing_error' }, full],
        [{ status: 403 }, { code: 'provider_unauthorized', retry: 'never' }],
        [{ status: 400 }, { code: 'provider_rejected', retry: 'never' }],
        [{ status: 413 }, { code: 'provider_rejected', retry: 'never' }],
        [{ status: 409 }, REPEATABLE],
        [{ status: 429 }, { ...UNAVAILABLE, retryAfterMs: 1_000 }],
        [{ status: 529 }, { ...UNAVAILABLE, retryAfterMs: null }],
        [{ status: 400, code: 'overloaded_error' }, UNAVAILABLE],
      ] as const) {
        await emulator.fault('status', fault);
        expect(await failureOf(send(provider)), JSON.stringify(fault)).toMatchObject(expected);
      }
    }));

  it('says that the organization is full', () =>
    withAnthropic(
      async ({ provider }) => {
        await send(provider);
        await expectFailure(send(provider), { code: 'provider_quota_exceeded', retry: 'never' });
      },
      { limits: { maxTotalBytes: 1_500 } },
    ));

  it.each(['not_found_error', 'invalid_request_error'] as const)(
    'knows a file that is not there by either type of the documents: %s',
    (missingType) =>
      withAnthropic(
        async ({ provider }) => {
          await expectFailure(provider.retrieve('file_nobody', {}), NOT_FOUND);
          await provider.remove('file_nobody', {});
        },
        { variants: { missingType } },
      ),
  );

  it('reports an expiry that somebody else has set', () =>
    withAnthropic(async (subject) => {
      const body = {
        id: 'file_1',
        created_at: '2026-11-01T00:00:00Z',
        expires_at: '2026-11-02T00:00:00.5Z',
      };
      await answerNext(subject, 'retrieve', { body });
      const { expiresAt } = await subject.provider.retrieve('file_1', {});
      expect(expiresAt?.toISOString()).toBe('2026-11-02T00:00:00.500Z');
    }));
});

interface Page {
  readonly data: readonly { id: string }[];
  readonly next_page?: string | null;
}

/** What a list is made of when the pages are these, by token; the first is ``. */
const listOf = (pages: Readonly<Record<string, Page>>, run: (list: Promise<string[]>) => Promise<void>) =>
  withAnthropic(async ({ providerAt }) => {
    const server = await startHttpServer(({ request }, response) => {
      const query = new URL(request.url ?? '', 'http://localhost').searchParams;
      expect(query.get('limit')).toBe('1000');
      response.end(JSON.stringify(pages[query.get('page') ?? '']));
    });
    try {
      await run(all(providerAt(server.url).list({})).then((files) => files.map(({ id }) => id)));
    } finally {
      await server.close();
    }
  });

describe("the Anthropic adapter's list", () => {
  const [a, b, c] = [{ id: 'a' }, { id: 'b' }, { id: 'c' }];

  it('follows the tokens, whatever is in them, to the end, each file once', () =>
    listOf(
      { '': { data: [a, b], next_page: 'p/2?&=' }, 'p/2?&=': { data: [b, c], next_page: null } },
      async (list) => expect(await list).toEqual(['a', 'b', 'c']),
    ));

  it('ends where no next page is named', () =>
    listOf({ '': { data: [a] } }, async (list) => expect(await list).toEqual(['a'])));

  it('fails when it goes round', () =>
    listOf(
      {
        '': { data: [a], next_page: '2' },
        2: { data: [b], next_page: '1' },
        1: { data: [a], next_page: '2' },
      },
      async (list) => void (await expectFailure(list, UNAVAILABLE)),
    ));
});
