import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createApi } from '../support/create-api.ts';
import { followByWebSocket } from '../support/follow-events.ts';
import { makeKey, startJwksServer } from '../support/jwks-server.ts';
import { runWaybill } from '../support/run-waybill.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { startGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

describe('a gateway whose tokens come from an identity provider', () => {
  it('J12 J38 takes its tokens for users and makes none itself', async () => {
    const key = await makeKey('2026');
    const server = await startJwksServer([key.publicJwk]);
    const issuer = 'https://abcdef.supabase.co/auth/v1';
    const env = { JWT_JWKS_URL: server.url, JWT_ISSUER: issuer, JWT_AUDIENCE: 'authenticated' };
    const gateway = await startGateway({ env });
    const user = { sub: '5f7c8a10-0000-4000-8000-000000000000', aud: 'authenticated', iss: issuer };
    const statusOf = async (token: string): Promise<number> =>
      (await createApi(gateway, token).call('GET', '/v1/files')).status;

    expect(await statusOf(await key.sign({ ...user, role: 'authenticated' } as object))).toBe(200);
    for (const role of ['anon', 'service_role'])
      expect(await statusOf(await key.sign({ ...user, role } as object))).toBe(401);
    expect(await statusOf(await key.sign({ ...user, aud: 'anon' } as object))).toBe(401);
    expect(await statusOf(await signToken({ ...user } as object))).toBe(401);

    expect(gateway.output()).toContain(server.url);
    expect(existsSync(join(gateway.dataDir, 'jwt-secret'))).toBe(false);
    const call = { cwd: gateway.home, env: { ...env, DATA_DIR: gateway.dataDir } };
    const created = await runWaybill(['token', 'create', '--sub', 'ada'], call);
    expect([created.exitCode, created.stdout]).toEqual([2, '']);
    expect(created.stderr).toContain('JWT_SECRET_KEY');
  });

  it('J45 follows its keys, and answers 503 while they cannot be had', async () => {
    const key = await makeKey('2026');
    const server = await startJwksServer([]);
    server.answer(500, '');
    const gateway = await startGateway({ env: { JWT_SECRET_KEY: JWT_SECRET, JWT_JWKS_URL: server.url } });
    const token = await key.sign({ sub: 'ada' });
    const ada = createApi(gateway, token);
    const refused = await ada.call('GET', '/v1/files');
    expect([refused.status, refused.error().code]).toEqual([503, 'unavailable']);
    expect(refused.headers['retry-after']).toBeDefined();
    expect((await ada.upload()).status).toBe(503);
    const events = followByWebSocket(gateway, { token });
    expect(await until('the close', () => events.ended())).toEqual({ code: 1013, reason: 'unavailable' });
    expect((await createApi(gateway).call('GET', '/v1/files')).status).toBe(200);

    server.serve([key.publicJwk]);
    await until('the token is taken', async () => (await ada.call('GET', '/v1/files')).status === 200);
    expect(JSON.stringify(gateway.logs())).not.toContain(token);
  });
});
