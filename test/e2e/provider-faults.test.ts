import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Api, createApi, type FileObject, sha256 } from '../support/create-api.ts';
import { startGateway } from '../support/start-gateway.ts';
import { type Providers, startProviders } from '../support/start-providers.ts';
import { until } from '../support/until.ts';

let providers: Providers;
let api: Api;

beforeAll(async () => {
  providers = await startProviders();
  api = createApi(await startGateway({ env: providers.env }));
});

beforeEach(async () => {
  for (const provider of [providers.kimi, providers.glm]) await provider.control('DELETE', '/faults');
});

const read = async (id: string): Promise<FileObject> => (await api.call('GET', `/v1/files/${id}`)).file();

const completed = (id: string): Promise<FileObject> =>
  until(
    'the delivery completes',
    async () => {
      const file = await read(id);
      return file.deliveries.every(({ status }) => status === 'completed') && file;
    },
    { deadlineMs: 50_000 },
  );

/** How many files with this text the provider holds. */
const copies = async (provider: 'kimi' | 'glm', text: string): Promise<number> =>
  (await providers[provider].state()).files.filter((file) => file.sha256 === sha256(text)).length;

describe('a provider that is down', () => {
  it('gets the file when it is back, without the client waiting, and once', async () => {
    const text = 'For a provider that is down.';
    await providers.kimi.fault('status', { on: 'upload', status: 503, times: 3 });
    // The last try is held up until the test has seen the file waiting.
    await providers.kimi.fault('slow-answer', { on: 'upload', delayMs: 1_500 });
    const answer = await api.upload({ text, query: 'provider=kimi', headers: { prefer: 'wait=1' } });

    expect(answer.status).toBe(200);
    expect(answer.file()).toMatchObject({ status: 'uploaded', sha256: sha256(text) });
    expect(answer.file().deliveries).toHaveLength(1);
    expect(['pending', 'uploading']).toContain(answer.file().deliveries[0]?.status);
    const file = await completed(answer.file().id);
    expect(file).toMatchObject({
      status: 'processed',
      deliveries: [{ status: 'completed', attempts: 4, error: null }],
    });
    expect(await copies('kimi', text)).toBe(1);
  });

  it('is waited for with what it says about waiting', async () => {
    const text = 'Told to come back.';
    await providers.kimi.fault('status', { on: 'upload', status: 429, retryAfter: 1 });
    const file = (await api.upload({ text, query: 'provider=kimi' })).file();
    expect(file.deliveries).toMatchObject([{ status: 'completed', attempts: 2 }]);
    const uploads = (await providers.kimi.state()).requests
      .filter(({ method }) => method === 'POST')
      .slice(-2);
    const [refused = 0, accepted = 0] = uploads.map(({ at }) => Date.parse(at));
    expect(accepted - refused).toBeGreaterThanOrEqual(990);
  });

  it.each(['reset-before', 'reset-mid', 'html-body', 'malformed-json'])(
    'or answers with %s is tried again until it has the file',
    async (fault) => {
      await providers.glm.fault(fault, {
        on: 'upload',
        ...(fault === 'reset-mid' ? { afterBytes: 10 } : {}),
      });
      const { deliveries } = (await api.upload({ text: `Through ${fault}.`, query: 'provider=glm' })).file();
      expect(deliveries).toMatchObject([{ status: 'completed', attempts: 2, error: null }]);
    },
  );
});

describe('respond-async', () => {
  it('answers 202 as soon as the bytes are safe', async () => {
    const text = 'Do not wait for this one.';
    await providers.kimi.fault('slow-answer', { on: 'upload', delayMs: 500 });
    const answer = await api.upload({ text, query: 'provider=kimi', headers: { prefer: 'respond-async' } });
    expect(answer.status).toBe(202);
    expect(answer.headers['preference-applied']).toBe('respond-async');
    expect(answer.file()).toMatchObject({ status: 'uploaded', deliveries: [{ status: 'uploading' }] });
    expect((await completed(answer.file().id)).status).toBe('processed');
    expect((await api.call('GET', `/v1/files/${answer.file().id}/content`)).bytes.toString()).toBe(text);
  });
});

describe('a file that every provider rejects', () => {
  it('is answered with the reasons and stays, to be read and delivered again', async () => {
    const text = 'Rejected at first.';
    const body = { error: { message: 'the words are not to our taste', type: 'invalid_request_error' } };
    await providers.kimi.fault('status', { on: 'upload', status: 400, body });
    await providers.glm.fault('status', { on: 'upload', status: 400, code: '1214' });
    const answer = await api.upload({ text, query: 'provider=kimi,glm' });

    expect(answer.status).toBe(422);
    const { code, type, message, file_id: id = '' } = answer.error();
    expect({ code, type }).toEqual({ code: 'provider_rejected', type: 'provider_error' });
    expect(message).toContain('the words are not to our taste');
    expect(message).toContain(id);
    const file = await read(id);
    expect(file).toMatchObject({ status: 'error', sha256: sha256(text) });
    expect(file.deliveries.map(({ status, error }) => [status, error?.code])).toEqual([
      ['failed', 'provider_rejected'],
      ['failed', 'provider_rejected'],
    ]);
    expect((await api.call('GET', `/v1/files/${id}/content`)).bytes.toString()).toBe(text);

    const again = await api.call('POST', `/v1/files/${id}/deliveries`, { json: { provider: 'kimi' } });
    expect(again.status).toBe(200);
    expect(again.file().status).toBe('processed');
    expect(again.file().deliveries.find(({ provider }) => provider === 'kimi')).toMatchObject({
      status: 'completed',
      attempts: 2,
      error: null,
    });
    expect(await copies('kimi', text)).toBe(1);
  });

  it('is processed when one of two rejects it', async () => {
    await providers.glm.fault('status', { on: 'upload', status: 400, code: '1214' });
    const answer = await api.upload({ text: 'Half liked.', query: 'provider=kimi,glm' });
    expect(answer.status).toBe(200);
    expect(answer.file().status).toBe('processed');
    const statuses = answer.file().deliveries.map(({ provider, status }) => [provider, status]);
    expect(Object.fromEntries(statuses)).toEqual({ kimi: 'completed', glm: 'failed' });
  });
});

describe('delivering later', () => {
  it('sends the master copy to another provider, once however often it is asked for', async () => {
    const text = 'Delivered by hand.';
    const { id } = (await api.upload({ text, query: 'provider=none' })).file();
    const deliver = () => api.call('POST', `/v1/files/${id}/deliveries`, { json: { provider: 'glm' } });
    const answers = await Promise.all([deliver(), deliver(), deliver()]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const [first] = answers.map((answer) => answer.file());
    expect(first?.deliveries).toMatchObject([{ provider: 'glm', status: 'completed', attempts: 1 }]);
    expect((await deliver()).file()).toEqual(first);
    expect(await copies('glm', text)).toBe(1);
  });

  it('refuses what the provider does not take', async () => {
    const { id } = (await api.upload({ filename: 'page.html', query: 'provider=none' })).file();
    const answer = await api.call('POST', `/v1/files/${id}/deliveries`, { json: { provider: 'glm' } });
    expect([answer.status, answer.error().code]).toEqual([422, 'no_provider_accepts']);
    expect((await read(id)).deliveries).toEqual([]);
  });
});
