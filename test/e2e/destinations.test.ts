import { beforeAll, describe, expect, it } from 'vitest';
import { type Api, createApi, form } from '../support/create-api.ts';
import { blobSizes } from '../support/look-at-blobs.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { type Providers, startProviders } from '../support/start-providers.ts';

let providers: Providers;
let gateway: GatewayProcess;
let api: Api;

beforeAll(async () => {
  providers = await startProviders();
  gateway = await startGateway({
    env: { ...providers.env, AUTO_GLM_ABOVE_BYTES: '1000', GLM_MAX_FILE_BYTES: '5000' },
  });
  api = createApi(gateway);
});

const upload = async (filename: string, query: string, text = 'words') => {
  const answer = await api.upload({ filename, query, text });
  expect(answer.status, answer.bytes.toString()).toBe(200);
  return answer.file();
};

/** How many files are kept: rows and blobs, which must agree. */
const kept = async (): Promise<number> => {
  const [row] = await gateway.query<{ files: number }>('select count(*)::int as files from waybill.files');
  expect(await blobSizes(gateway.dataDir)).toHaveLength(row?.files ?? -1);
  return row?.files ?? -1;
};

describe('auto', () => {
  it('prefers Kimi up to the limit, and says why', async () => {
    const { deliveries } = await upload('small.pdf', '', '%PDF-1.7 words');
    expect(deliveries).toMatchObject([
      { provider: 'kimi', status: 'completed', reason: 'Up to 1000 bytes auto prefers kimi.' },
    ]);
  });

  it('prefers GLM above the limit', async () => {
    const { deliveries } = await upload('large.pdf', 'provider=auto', '%PDF-1.7 '.padEnd(1_001, 'w'));
    expect(deliveries).toMatchObject([
      { provider: 'glm', status: 'completed', reason: 'Above 1000 bytes auto prefers glm.' },
    ]);
  });

  it('takes the other when the first does not accept, and gives both reasons', async () => {
    const tooLarge = await upload('huge.pdf', '', '%PDF-1.7 '.padEnd(6_800, 'Word after word. '));
    expect(tooLarge.deliveries).toMatchObject([{ provider: 'kimi', status: 'completed' }]);
    expect(tooLarge.deliveries[0]?.reason).toMatch(
      /kimi accepts.*glm takes files up to 5000 bytes, this one has 6800/u,
    );
    const markup = await upload('page.html', '', `<p>${'words '.repeat(200)}</p>`);
    expect(markup.deliveries[0]?.reason).toContain('glm does not take .html files');
  });
});

describe('named destinations', () => {
  it.each([
    ['kimi', ['kimi']],
    ['glm', ['glm']],
    ['kimi,glm', ['glm', 'kimi']],
    ['glm, kimi ,glm', ['glm', 'kimi']],
    ['none', []],
  ])('%s', async (provider, expected) => {
    const file = await upload('named.txt', `provider=${encodeURIComponent(provider)}`);
    expect(file.deliveries.map((delivery) => delivery.provider).toSorted()).toEqual(expected);
    expect(file.deliveries.every(({ reason }) => reason === 'Named in the request.')).toBe(true);
    expect(file.status).toBe('processed');
  });

  it('delivers to the one that accepts and records why the other did not', async () => {
    const file = await upload('page.html', 'provider=kimi,glm', '<p>words</p>');
    expect(file.status).toBe('processed');
    expect(file.deliveries.toSorted((a, b) => a.provider.localeCompare(b.provider))).toMatchObject([
      { provider: 'glm', status: 'failed', attempts: 0, error: { code: 'no_provider_accepts' } },
      { provider: 'kimi', status: 'completed', error: null },
    ]);
  });

  it.each([
    ['setup.exe', 'provider=kimi,glm'],
    ['setup.exe', ''],
    ['no-extension', 'provider=glm'],
    ['films.txt', 'provider=kimi&purpose=video'],
  ])('keeps nothing of %s with "%s", which nobody takes', async (filename, query) => {
    const before = await kept();
    const answer = await api.upload({ filename, query });
    expect(answer.status).toBe(422);
    expect(answer.error()).toMatchObject({
      code: 'no_provider_accepts',
      type: 'invalid_request_error',
      param: 'provider',
    });
    expect(answer.error().message).toContain('does not take');
    expect(answer.error().file_id).toBeUndefined();
    expect(await kept()).toBe(before);
  });

  it('learns only from the end of a form that nobody takes the file', async () => {
    const before = await kept();
    const body = form(['file', ['words', 'notes.txt']], ['purpose', 'batch']);
    const answer = await api.call('POST', '/v1/files', { body });
    expect([answer.status, answer.error().code]).toEqual([422, 'no_provider_accepts']);
    expect(await kept()).toBe(before);
  });
});

describe('the list of providers', () => {
  it('shows limits, and how much of them is used', async () => {
    const { data } = (await api.call('GET', '/v1/providers')).json<{ data: readonly object[] }>();
    const held = (await providers.glm.state()).files;
    expect(data).toContainEqual(
      expect.objectContaining({
        id: 'glm',
        emulated: false,
        limits: expect.objectContaining({ max_file_bytes: 5_000 }),
        used: { files: held.length, bytes: held.reduce((sum, { bytes }) => sum + bytes, 0) },
      }),
    );
  });
});
