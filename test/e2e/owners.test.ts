import { beforeAll, describe, expect, it } from 'vitest';
import { type Api, createApi, type FileObject } from '../support/create-api.ts';
import { runWaybill } from '../support/run-waybill.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';

let gateway: GatewayProcess;
let ada: Api;
let bob: Api;
let file: FileObject;

beforeAll(async () => {
  gateway = await startGateway({ env: { JWT_SECRET_KEY: JWT_SECRET } });
  ada = createApi(gateway, await signToken({ sub: 'ada' }));
  bob = createApi(gateway, await signToken({ sub: 'bob' }));
  file = (await ada.upload({ text: 'For Ada only.', filename: 'ada.txt' })).file();
});

const listed = async (api: Api, query = ''): Promise<readonly string[]> => {
  const page = (await api.call('GET', `/v1/files?${query}`)).json<{ data: readonly FileObject[] }>();
  return page.data.map(({ id }) => id);
};

type Access = readonly [string, (id: string) => Parameters<Api['call']>];
const ACCESSES: readonly Access[] = [
  ['read', (id) => ['GET', `/v1/files/${id}`]],
  ['content', (id) => ['GET', `/v1/files/${id}/content`]],
  ['content from a provider', (id) => ['GET', `/v1/files/${id}/content?from=kimi`]],
  ['delete', (id) => ['DELETE', `/v1/files/${id}`]],
  ['delete and wait', (id) => ['DELETE', `/v1/files/${id}?wait=true`]],
  ['deliver', (id) => ['POST', `/v1/files/${id}/deliveries`, { json: { provider: 'glm' } }]],
];

describe('another owner’s file', () => {
  it.each(ACCESSES)('looks like one that does not exist: %s', async (_, access) => {
    const unknown = `${file.id.slice(0, -1)}${file.id.endsWith('0') ? '1' : '0'}`;
    const [foreign, missing] = await Promise.all([
      bob.call(...access(file.id)),
      bob.call(...access(unknown)),
    ]);
    expect([foreign.status, foreign.error().code]).toEqual([404, 'not_found']);
    // The request's id is its own, and the message names the id that was asked for.
    const shape = (answer: typeof foreign, id: string): string =>
      answer.bytes.toString().replaceAll(id, 'ID').replaceAll(answer.error().request_id, 'REQUEST');
    expect(shape(foreign, file.id)).toBe(shape(missing, unknown));
    const names = (answer: typeof foreign) => Object.keys(answer.headers).toSorted();
    expect(names(foreign)).toEqual(names(missing));
  });

  it('is not listed, not even as the place where a page begins', async () => {
    const own = (await bob.upload({ text: 'For Bob.' })).file();
    expect(await listed(bob)).toEqual([own.id]);
    expect(await listed(ada)).toEqual([file.id]);
    expect(await listed(bob, `after=${file.id}`)).toEqual(await listed(bob, 'after=file-unknown'));
    expect(await listed(bob, 'q=ada')).toEqual([]);
  });

  it('is untouched by all of that', async () => {
    expect((await ada.call('GET', `/v1/files/${file.id}`)).file()).toEqual(file);
    expect((await ada.call('GET', `/v1/files/${file.id}/content`)).bytes.toString()).toBe('For Ada only.');
  });

  it('stays when the other deletes a file with the same bytes', async () => {
    const same = (await bob.upload({ text: 'For Ada only.', filename: 'ada.txt' })).file();
    expect(same.id).not.toBe(file.id);
    expect((await bob.call('DELETE', `/v1/files/${same.id}?wait=true`)).status).toBe(200);
    expect((await ada.call('GET', `/v1/files/${file.id}/content`)).bytes.toString()).toBe('For Ada only.');
  });
});

describe('a token from the command line', () => {
  it('is for its owner, and for what its scope says', async () => {
    const env = { DATA_DIR: gateway.dataDir, JWT_SECRET_KEY: JWT_SECRET };
    const args = ['token', 'create', '--sub', 'ada', '--scope', 'files:read'];
    const { exitCode, stdout, stderr } = await runWaybill(args, { cwd: gateway.home, env });
    expect(exitCode, stderr).toBe(0);
    const reader = createApi(gateway, stdout.trim());
    expect((await reader.call('GET', `/v1/files/${file.id}`)).file()).toEqual(file);
    expect((await reader.call('DELETE', `/v1/files/${file.id}`)).error().code).toBe('insufficient_scope');
  });
});
