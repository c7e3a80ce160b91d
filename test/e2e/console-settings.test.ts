import { describe, expect, it } from 'vitest';
import { createApi } from '../support/create-api.ts';
import { runWaybill } from '../support/run-waybill.ts';
import { makeHome, startGateway } from '../support/start-gateway.ts';

const SUPABASE = {
  SUPABASE_URL: 'https://project.supabase.example',
  SUPABASE_ANON_KEY: 'sb_publishable_0123456789abcdef',
};

describe('/console.json', () => {
  it('says how to sign in, and the console may call there', async () => {
    const gateway = await startGateway({ env: SUPABASE });
    const anybody = createApi(gateway, null);
    expect((await anybody.call('GET', '/console.json')).json()).toEqual({
      version: expect.any(String),
      emulated: true,
      sign_in: { kind: 'supabase', url: SUPABASE.SUPABASE_URL, anon_key: SUPABASE.SUPABASE_ANON_KEY },
      grace_until: null,
    });
    const policy = String((await anybody.call('GET', '/')).headers['content-security-policy']);
    expect(policy).toContain(`connect-src 'self' ${SUPABASE.SUPABASE_URL};`);
  });

  it('says that a token is needed where nothing else is configured, and until when it is not', async () => {
    const day = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
    const gateway = await startGateway({ env: { AUTH_GRACE_UNTIL: day } });
    expect((await createApi(gateway, null).call('GET', '/console.json')).json()).toMatchObject({
      sign_in: { kind: 'token' },
      grace_until: Date.parse(day) / 1_000,
    });
  });

  it.each(Object.keys(SUPABASE))('needs both variables: not without %s', async (missing) => {
    const env = Object.fromEntries(Object.entries(SUPABASE).filter(([name]) => name !== missing));
    const { exitCode, stderr } = await runWaybill(['config', 'check'], { env, cwd: await makeHome() });
    expect(exitCode).toBe(78);
    expect(stderr).toContain(missing);
  });
});

describe('the token that a gateway on its own prints', () => {
  it('may do everything', async () => {
    const api = createApi(await startGateway());
    expect((await api.call('GET', '/v1/passes')).status).toBe(200);
    expect((await api.upload({ query: 'provider=none' })).status).toBe(200);
  });
});
