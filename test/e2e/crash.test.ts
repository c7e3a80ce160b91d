import { describe, expect, it } from 'vitest';
import { createApi, type FileObject, sha256 } from '../support/create-api.ts';
import { blobSizes } from '../support/look-at-blobs.ts';
import { openRaw } from '../support/raw-http.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { type Providers, startProviders } from '../support/start-providers.ts';
import { until } from '../support/until.ts';

const MIB = 2 ** 20;

/** One installation through its lives. */
interface Installation {
  readonly providers: Providers;
  /** The life it is in. */
  gateway: GatewayProcess;
}

const install = async (): Promise<Installation> => {
  const providers = await startProviders();
  return { providers, gateway: await startGateway({ env: providers.env }) };
};

const crash = async (installation: Installation): Promise<void> => {
  const { gateway, providers } = installation;
  await gateway.kill9();
  installation.gateway = await startGateway({ env: providers.env, home: gateway.home });
};

const read = async ({ gateway }: Installation, id: string): Promise<FileObject> =>
  (await createApi(gateway).call('GET', `/v1/files/${id}`)).file();

const expectComplete = async (installation: Installation, id: string, text: string): Promise<FileObject> => {
  const file = await until('the delivery completes', async () => {
    const found = await read(installation, id);
    return found.status === 'processed' && found;
  });
  const content = await createApi(installation.gateway).call('GET', `/v1/files/${id}/content`);
  expect(sha256(content.bytes)).toBe(sha256(text));
  expect(await copies(installation, text)).toBe(1);
  return file;
};

/** How many files with this text the provider holds. */
const copies = async ({ providers }: Installation, text: string): Promise<number> =>
  (await providers.kimi.state()).files.filter((held) => held.sha256 === sha256(text)).length;

const uploadAsync = async ({ gateway }: Installation, text: string): Promise<string> => {
  const headers = { prefer: 'respond-async' };
  const answer = await createApi(gateway).upload({ text, query: 'provider=kimi', headers });
  expect(answer.status).toBe(202);
  return answer.file().id;
};

const requestsSeen = ({ providers }: Installation, wanted: string, count: number) =>
  until(`${count} ${wanted} at the provider`, async () => {
    const { requests } = await providers.kimi.state();
    return requests.filter(({ method }) => method === wanted).length >= count;
  });

// Each has an installation of its own, and most of what they do is wait.
describe.concurrent('kill -9', () => {
  it('in the middle of an upload leaves nothing behind', async () => {
    const installation = await install();
    const { gateway } = installation;
    const client = await openRaw(gateway.url);
    await client.send(
      `PUT /v1/files?filename=half.txt HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${gateway.token}\r\n` +
        `Content-Length: ${8 * MIB}\r\n\r\n`,
    );
    await client.send(Buffer.alloc(4 * MIB, 'half of it '));
    await until('half of the file is staged', async () =>
      (await blobSizes(gateway.dataDir)).some((size) => size >= 3 * MIB),
    );
    await crash(installation);
    client.reset();

    expect(await blobSizes(gateway.dataDir)).toEqual([]);
    expect(await gateway.query('select id from waybill.files')).toEqual([]);
    expect(installation.gateway.logs()).toContainEqual(
      expect.objectContaining({ event: 'recovered', blobs: 1 }),
    );
  });

  it('right after the answer loses nothing', async () => {
    const installation = await install();
    const texts = ['First.', 'Second.', 'Third.'].map((text) => `${text} Safe as soon as it is answered.`);
    for (const text of texts) {
      const id = await uploadAsync(installation, text);
      await crash(installation);
      await expectComplete(installation, id, text);
    }
  });

  it('while a provider has been asked and has not answered, again and again, delivers once in the end', async () => {
    const installation = await install();
    const text = 'Delivered in the fourth life.';
    await installation.providers.kimi.fault('stall', { on: 'upload', times: 3 });
    const id = await uploadAsync(installation, text);
    for (const life of [1, 2, 3]) {
      await requestsSeen(installation, 'POST', life);
      await crash(installation);
    }
    const file = await expectComplete(installation, id, text);
    expect(file.deliveries).toMatchObject([{ status: 'completed', attempts: 4, error: null }]);
  });

  it('while a provider is down does not end the trying', async () => {
    const installation = await install();
    const text = 'Waiting for the provider.';
    await installation.providers.kimi.fault('status', { on: 'upload', status: 503, retryAfter: 3 });
    const id = await uploadAsync(installation, text);
    const failed = await until('the first try has failed', async () => {
      const file = await read(installation, id);
      return file.deliveries[0]?.error !== null && file;
    });
    expect(failed.deliveries).toMatchObject([{ status: 'pending', error: { code: 'provider_unavailable' } }]);
    await crash(installation);
    await expectComplete(installation, id, text);
  });

  it('while a file is being removed does not keep it at the provider', async () => {
    const installation = await install();
    const text = 'Deleted before the crash.';
    const id = await uploadAsync(installation, text);
    await expectComplete(installation, id, text);
    await installation.providers.kimi.fault('stall', { on: 'delete' });
    const api = createApi(installation.gateway);
    expect((await api.call('DELETE', `/v1/files/${id}`)).status).toBe(200);
    await requestsSeen(installation, 'DELETE', 1);
    await crash(installation);
    expect((await createApi(installation.gateway).call('GET', `/v1/files/${id}`)).status).toBe(404);
    await until('the provider does not hold it', async () => (await copies(installation, text)) === 0);
    await until('its blob is gone', async () => (await blobSizes(installation.gateway.dataDir)).length === 0);
  });
});
