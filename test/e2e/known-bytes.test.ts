import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type Api, createApi, sha256 } from '../support/create-api.ts';
import { expectRefusal } from '../support/expect-refusal.ts';
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
afterAll(() => gateway?.stop());

const text = randomBytes(50_000).toString('hex');
const digest = { sha256: sha256(text), bytes: text.length };

const name = (json: object, by: Api = api) => by.call('POST', '/v1/files', { json });

const expectRefused = ({ status, bytes }: Answer, expected: readonly [number, string]) =>
  expectRefusal({ status, body: bytes.toString() }, expected);

describe('Bytes named by their digest', () => {
  it('are not found before they were sent, nor when others have sent them', async () => {
    expectRefused(await name({ ...digest, filename: 'a.txt' }), [404, 'not_found']);
    await api.upload({ filename: 'a.txt', text, query: 'provider=kimi' });
    const stranger = createApi(gateway, await signToken({ sub: 'stranger' }));
    const theirs = await name({ ...digest, filename: 'a.txt' }, stranger);
    const nobodys = await name({ ...digest, sha256: sha256('nobody has this'), filename: 'a.txt' }, stranger);
    expectRefused(theirs, [404, 'not_found']);
    const withoutId = (answer: typeof theirs) => ({
      ...answer.json<{ error: object }>().error,
      request_id: '',
    });
    expect(withoutId(theirs)).toEqual(withoutId(nobodys));
  });

  it('become another file without being sent, to us or to a provider that has them', async () => {
    const before = (await providers.kimi.state()).requests.filter(({ method }) => method === 'POST').length;
    const answer = await name({ ...digest, filename: 'b.txt', provider: 'kimi' });
    expect(answer.status).toBe(200);
    const file = answer.json<{ id: string; sha256: string; status: string; deliveries: object[] }>();
    expect(file).toMatchObject({ filename: 'b.txt', sha256: digest.sha256, status: 'processed' });
    const after = (await providers.kimi.state()).requests.filter(({ method }) => method === 'POST').length;
    expect(after).toBe(before);
    const content = await api.call('GET', `/v1/files/${file.id}/content`);
    expect(sha256(content.bytes)).toBe(digest.sha256);
  });

  it('outlive the file that they came with', async () => {
    const [first, second] = [
      await api.upload({ filename: 'c.txt', text: `${text}c`, query: 'provider=none' }),
      await name({ sha256: sha256(`${text}c`), bytes: text.length + 1, filename: 'd.txt', provider: 'none' }),
    ].map((answer) => answer.json<{ id: string }>().id);
    await api.call('DELETE', `/v1/files/${first}?wait=true`);
    const content = await api.call('GET', `/v1/files/${second}/content`);
    expect(sha256(content.bytes)).toBe(sha256(`${text}c`));
  });

  it.each([
    ['no digest', { bytes: 5, filename: 'a.txt' }, 'sha256'],
    ['a digest that is none', { ...digest, sha256: 'abc', filename: 'a.txt' }, 'sha256'],
    ['no size', { sha256: digest.sha256, filename: 'a.txt' }, 'bytes'],
    ['a size that is no number', { ...digest, bytes: '5', filename: 'a.txt' }, 'bytes'],
    ['a member that is not known', { ...digest, filename: 'a.txt', extra: 1 }, 'extra'],
  ])('are refused with %s', async (_, body, param) => {
    const answer = await name(body);
    expectRefused(answer, [400, 'invalid_request']);
    expect(answer.json()).toMatchObject({ error: { param } });
  });

  it('are refused in JSON that is none', async () => {
    const headers = { 'content-type': 'application/json' };
    const broken = await api.call('POST', '/v1/files', { body: Buffer.from('{'), headers });
    expectRefused(broken, [400, 'invalid_request']);
    expectRefused(await name({ filename: 'x'.repeat(70_000) }), [400, 'invalid_request']);
  });
});
