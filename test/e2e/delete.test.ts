import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Api, createApi, type FileObject, sha256 } from '../support/create-api.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { type Providers, startProviders } from '../support/start-providers.ts';
import { until } from '../support/until.ts';

let providers: Providers;
let gateway: GatewayProcess;
let api: Api;

beforeAll(async () => {
  providers = await startProviders();
  gateway = await startGateway({ env: providers.env });
  api = createApi(gateway);
});

const upload = async (text: string, query = 'provider=kimi,glm'): Promise<FileObject> =>
  (await api.upload({ text, query })).file();

const isHeldAnywhere = async (text: string): Promise<boolean> => {
  const states = await Promise.all([providers.kimi.state(), providers.glm.state()]);
  return states.some(({ files }) => files.some((file) => file.sha256 === sha256(text)));
};

const hasBlob = async (id: string): Promise<boolean> => {
  const [row] = await gateway.query<{ blob_key: string }>(
    'select blob_key from waybill.files where id = $1',
    [id],
  );
  const key = row?.blob_key ?? '';
  expect(key).not.toBe('');
  return existsSync(join(gateway.dataDir, 'blobs/kept', key.slice(-2), key));
};

const expectGoneForTheOwner = async (id: string): Promise<void> => {
  for (const path of [`/v1/files/${id}`, `/v1/files/${id}/content`]) {
    const answer = await api.call('GET', path);
    expect([answer.status, answer.error().code]).toEqual([404, 'not_found']);
  }
  const list = (await api.call('GET', '/v1/files')).json<{ data: readonly FileObject[] }>();
  expect(list.data.map((file) => file.id)).not.toContain(id);
  expect((await api.call('DELETE', `/v1/files/${id}`)).status).toBe(404);
};

const allDeleted = (id: string) =>
  until('every copy is recorded as deleted', async () => {
    const rows = await gateway.query<{ status: string }>(
      'select status from waybill.provider_file_uploads where file_id = $1',
      [id],
    );
    return rows.length > 0 && rows.every(({ status }) => status === 'deleted');
  });

describe('deleting a file', () => {
  it('gives OpenAI’s answer, and then the file is gone everywhere', async () => {
    const text = 'To be deleted.';
    const { id } = await upload(text);
    expect(await hasBlob(id)).toBe(true);
    const answer = await api.call('DELETE', `/v1/files/${id}`);
    expect(answer.status).toBe(200);
    expect(answer.json()).toMatchObject({ id, object: 'file', deleted: true });

    await expectGoneForTheOwner(id);
    await until('no provider holds it', async () => !(await isHeldAnywhere(text)));
    await until('its blob is gone', async () => !(await hasBlob(id)));
    await allDeleted(id);
  });

  it('waits for proof when asked to', async () => {
    const text = 'Deleted with proof.';
    const { id } = await upload(text);
    const answer = await api.call('DELETE', `/v1/files/${id}?wait=true`);
    expect(answer.json()).toEqual({ id, object: 'file', deleted: true, removed_from_providers: true });
    expect(await isHeldAnywhere(text)).toBe(false);
  });

  it('says so when the proof does not come in time, and goes on until it does', async () => {
    const text = 'Refused at first.';
    const { id } = await upload(text);
    await providers.kimi.fault('status', { on: 'delete', status: 500 });
    await providers.glm.fault('deleted-false', { on: 'delete' });
    const answer = await api.call('DELETE', `/v1/files/${id}?wait=true`, { headers: { prefer: 'wait=0' } });
    expect(answer.json()).toMatchObject({ deleted: true, removed_from_providers: false });

    await expectGoneForTheOwner(id);
    await until('no provider holds it', async () => !(await isHeldAnywhere(text)), { deadlineMs: 40_000 });
    await allDeleted(id);
    await until('its blob is gone', async () => !(await hasBlob(id)));
  });

  it('takes a provider that has lost the file for one that has deleted it', async () => {
    const { id, deliveries } = await upload('Lost before.', 'provider=kimi');
    await providers.kimi.control('DELETE', `/files/${deliveries[0]?.provider_file_id}`);
    const answer = await api.call('DELETE', `/v1/files/${id}?wait=true`);
    expect(answer.json()).toMatchObject({ removed_from_providers: true });
  });

  it('leaves nothing at a provider that was still being sent to', async () => {
    const text = 'Deleted on its way.';
    await providers.kimi.fault('slow-answer', { on: 'upload', delayMs: 700 });
    const { id } = (
      await api.upload({ text, query: 'provider=kimi', headers: { prefer: 'respond-async' } })
    ).file();
    await until('the provider has the bytes', () => isHeldAnywhere(text));
    const answer = await api.call('DELETE', `/v1/files/${id}`);
    expect(answer.json()).toMatchObject({ deleted: true, removed_from_providers: false });

    await expectGoneForTheOwner(id);
    await until('no provider holds it', async () => !(await isHeldAnywhere(text)));
    await allDeleted(id);
    await until('its blob is gone', async () => !(await hasBlob(id)));
  });

  it('leaves another file with the same bytes alone', async () => {
    const text = 'Said twice.';
    const [first, second] = [await upload(text), await upload(text)];
    await api.call('DELETE', `/v1/files/${first.id}?wait=true`);
    expect((await api.call('GET', `/v1/files/${second.id}/content`)).bytes.toString()).toBe(text);
    expect(await isHeldAnywhere(text)).toBe(true);
  });
});
