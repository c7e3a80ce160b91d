import { beforeAll, describe, expect, it } from 'vitest';
import { type Api, createApi, sha256 } from '../support/create-api.ts';
import { blobSizes } from '../support/look-at-blobs.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { type Providers, startProviders } from '../support/start-providers.ts';

let providers: Providers;
let gateway: GatewayProcess;
let api: Api;

beforeAll(async () => {
  providers = await startProviders();
  gateway = await startGateway({ env: { ...providers.env, JWT_SECRET_KEY: JWT_SECRET } });
  api = createApi(gateway);
});

describe('an Idempotency-Key', () => {
  it('U45 makes one file of many equal requests, at once and again', async () => {
    const text = 'Sent many times.';
    const upload = () => api.upload({ text, query: 'provider=kimi', headers: { 'idempotency-key': 'one' } });
    const answers = await Promise.all(Array.from({ length: 8 }, upload));
    answers.push(await upload());
    expect(answers.map(({ status }) => status)).toEqual(Array(9).fill(200));
    expect(new Set(answers.map((answer) => answer.file().id)).size).toBe(1);
    expect(await blobSizes(gateway.dataDir)).toHaveLength(1);
    const { files } = await providers.kimi.state();
    expect(files.filter((held) => held.sha256 === sha256(text))).toHaveLength(1);
  });

  it('U45 is refused for another file, and is the owner’s own', async () => {
    const headers = { 'idempotency-key': 'two' };
    const first = (await api.upload({ text: 'First.', headers })).file();
    const other = await api.upload({ text: 'Another.', headers });
    expect(other.status).toBeGreaterThanOrEqual(400);
    expect(other.status).toBeLessThan(500);
    expect(other.error()).toMatchObject({ code: 'idempotency_conflict', param: 'Idempotency-Key' });
    const bob = createApi(gateway, await signToken({ sub: 'bob' }));
    const his = await bob.upload({ text: 'Another.', headers });
    expect(his.status).toBe(200);
    expect(his.file().id).not.toBe(first.id);
  });
});
