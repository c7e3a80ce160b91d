import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startAnthropicEmulator } from './anthropic.ts';
import { API_KEY, type EmulatorClient, type Reply, startClient } from './testing/emulator-client.ts';

let anthropic: EmulatorClient;

beforeEach(async () => {
  anthropic = await startClient(startAnthropicEmulator, {});
});
afterEach(() => anthropic.close());

const HEADERS = { 'x-api-key': API_KEY, 'anthropic-version': '2023-06-01' };
const BETA = { 'anthropic-beta': 'files-api-2025-04-14' };
const api = (method: 'GET' | 'DELETE', path: string, headers: Readonly<Record<string, string>> = {}) =>
  anthropic.api(method, path, { headers: { ...HEADERS, ...headers } });
const seed = async (count: number): Promise<string[]> => {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const file = { filename: `${i}.txt`, text: `${i}`, purpose: 'foreign' };
    ids.push((await anthropic.control('POST', '/files', file)).json<{ id: string }>().id);
  }
  return ids;
};
const errorOf = (reply: Reply) => reply.json<{ error: { type: string } }>().error;

interface Page {
  data: { id: string; filename: string }[];
  next_page: string | null;
}
interface BetaPage {
  data: { id: string; filename: string }[];
  has_more: boolean;
  first_id: string | null;
  last_id: string | null;
}
const page = async (query: string): Promise<Page> => (await api('GET', `/files${query}`)).json<Page>();
const betaPage = async (query: string): Promise<BetaPage> =>
  (await api('GET', `/files${query}`, BETA)).json<BetaPage>();
const names = ({ data }: Page | BetaPage): string[] => data.map(({ filename }) => filename);
const newestFirst = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${count - 1 - i}.txt`);

describe('the generally available list', () => {
  it('comes in pages of 20, newest first, each file once', async () => {
    await seed(45);
    const seen: string[] = [];
    let query = '';
    for (;;) {
      const next: Page = await page(query);
      expect(Object.keys(next)).toEqual(['data', 'next_page']);
      expect(next.data.length).toBeLessThanOrEqual(20);
      seen.push(...names(next));
      if (next.next_page === null) break;
      query = `?page=${next.next_page}`;
    }
    expect(seen).toEqual(newestFirst(45));
  });

  it('goes on after a file that was deleted between two pages', async () => {
    await seed(3);
    const first = await page('?limit=2');
    await api('DELETE', `/files/${first.data[1]?.id}`);
    expect(names(await page(`?limit=2&page=${first.next_page}`))).toEqual(['0.txt']);
  });

  it.each(['ids', 'ids[]'])('finds files by %s and says nothing of unknown ones', async (name) => {
    const ids = await seed(3);
    const query = new URLSearchParams([
      [name, ids[0] ?? ''],
      [name, 'file_nobody'],
      [name, ids[2] ?? ''],
    ]);
    expect(await page(`?${query}`)).toMatchObject({
      data: [{ filename: '2.txt' }, { filename: '0.txt' }],
      next_page: null,
    });
  });

  const manyIds = (count: number): string =>
    Array.from({ length: count }, (_, i) => `ids[]=file_${i}`).join('&');
  it.each(['limit=0', 'limit=1001', 'limit=x', 'page=nobody', 'ids=a&limit=1', 'ids=a&page=x', manyIds(101)])(
    'refuses ?%.20s',
    async (query) => {
      const reply = await api('GET', `/files?${query}`);
      expect(reply.status).toBe(400);
      expect(errorOf(reply).type).toBe('invalid_request_error');
    },
  );

  it.each(['limit=1', 'limit=1000', manyIds(100), 'after_id=nobody'])('takes ?%.20s', async (query) => {
    expect((await api('GET', `/files?${query}`)).status).toBe(200);
  });
});

describe('the beta list', () => {
  it('goes forward by after_id and back by before_id', async () => {
    await seed(5);
    const first = await betaPage('?limit=2');
    expect(Object.keys(first)).toEqual(['data', 'has_more', 'first_id', 'last_id']);
    expect(first).toMatchObject({
      has_more: true,
      first_id: first.data[0]?.id,
      last_id: first.data[1]?.id,
    });
    const second = await betaPage(`?limit=2&after_id=${first.last_id}`);
    const third = await betaPage(`?limit=2&after_id=${second.last_id}`);
    expect([first, second, third].flatMap(names)).toEqual(newestFirst(5));
    expect(third.has_more).toBe(false);
    const back = await betaPage(`?limit=2&before_id=${third.first_id}`);
    expect(names(back)).toEqual(names(second));
    expect(back.has_more).toBe(true);
    expect((await betaPage(`?limit=2&before_id=${back.first_id}`)).has_more).toBe(false);
  });

  it('has 20 files on a page, and no ids when there are none', async () => {
    expect(await betaPage('')).toEqual({ data: [], has_more: false, first_id: null, last_id: null });
    await seed(21);
    expect((await betaPage('')).data).toHaveLength(20);
  });

  it.each(['limit=0', 'limit=1001', 'after_id=nobody', 'before_id=nobody', 'after_id=a&before_id=b'])(
    'refuses ?%s',
    async (query) => {
      expect((await api('GET', `/files?${query}`, BETA)).status).toBe(400);
    },
  );
});
