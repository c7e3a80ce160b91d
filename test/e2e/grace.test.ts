import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createApi } from '../support/create-api.ts';
import { followByWebSocket } from '../support/follow-events.ts';
import { runWaybill } from '../support/run-waybill.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, makeHome, startGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const DAY_MS = 86_400_000;
const secret = { JWT_SECRET_KEY: JWT_SECRET };
/** In whole seconds, as the variable takes it. */
const inMs = (ms: number): string => `${new Date(Date.now() + ms).toISOString().slice(0, 19)}Z`;
const logged = (gateway: GatewayProcess, event: string) =>
  gateway.logs().filter((entry) => entry.event === event);

describe('a grace', () => {
  it('J42 is off unless it is asked for', async () => {
    const gateway = await startGateway({ env: secret });
    const nobody = createApi(gateway, null);
    expect((await nobody.call('GET', '/v1/files')).status).toBe(401);
    expect((await nobody.upload()).status).toBe(401);
    expect(logged(gateway, 'grace_on')).toEqual([]);
  });

  it('J43 forgives a missing token, as one owner of its own, and never a bad one', async () => {
    const gateway = await startGateway({ env: { ...secret, AUTH_GRACE_UNTIL: inMs(DAY_MS) } });
    const nobody = createApi(gateway, null);
    const written = await nobody.upload({ query: 'provider=none' });
    expect(written.status).toBe(200);
    const sunset = Date.parse(String(written.headers.sunset));
    const deprecation = /^@(\d+)$/u.exec(String(written.headers.deprecation))?.[1];
    expect(sunset).toBeGreaterThan(Date.now());
    expect(Number(deprecation) * 1_000).toBeLessThanOrEqual(Date.now());
    const { id } = written.file();
    expect((await nobody.call('GET', `/v1/files/${id}`)).status).toBe(200);

    const ada = createApi(gateway, await signToken({ sub: 'ada' }));
    const seen = await ada.call('GET', `/v1/files/${id}`);
    expect([seen.status, seen.headers.sunset, seen.headers.deprecation]).toEqual([404, undefined, undefined]);

    for (const token of [
      'nonsense',
      await signToken({ sub: 'anonymous' }),
      await signToken({ sub: 'ada' }, { secret: `${JWT_SECRET}!` }),
    ]) {
      const answer = await createApi(gateway, token).call('GET', '/v1/files');
      expect([answer.status, answer.headers.sunset]).toEqual([401, undefined]);
    }
    expect((await nobody.call('GET', '/v1/files', { headers: { authorization: '' } })).status).toBe(401);
    expect(logged(gateway, 'grace_on')).toHaveLength(1);
    expect(logged(gateway, 'grace_used')[0]).toMatchObject({ route: '/v1/files', count: 1 });
  });

  it('J43 holds for WebSockets too, unless there is a bad token among the protocols', async () => {
    const gateway = await startGateway({ env: { ...secret, AUTH_GRACE_UNTIL: inMs(DAY_MS) } });
    const events = followByWebSocket(gateway, { token: null });
    const headers: Record<string, unknown>[] = [];
    events.socket.on('upgrade', (answer) => headers.push(answer.headers));
    await until('the connection', () => events.socket.readyState === events.socket.OPEN);
    expect(headers[0]).toMatchObject({
      deprecation: expect.stringMatching(/^@\d+$/u),
      sunset: expect.any(String),
    });
    const { id } = (await createApi(gateway, null).upload({ query: 'provider=none' })).file();
    await until('the file', () => events.seen.some(({ data }) => data.id === id));
    for (const protocol of ['bearer.nonsense', 'bearer.a.b.c', 'BEARER.a.b.c']) {
      const refused = followByWebSocket(gateway, { token: null, protocols: ['waybill', protocol] });
      expect(await until('the close', () => refused.ended())).toEqual({ code: 1008, reason: 'Unauthorized' });
    }
    events.close();
  });

  it('J44 ends at its instant, for streams as well, and no restart or clock brings it back', async () => {
    const env = { ...secret, AUTH_GRACE_UNTIL: inMs(15_000) };
    const gateway = await startGateway({ env });
    const nobody = createApi(gateway, null);
    expect((await nobody.call('GET', '/v1/files')).status).toBe(200);
    const events = followByWebSocket(gateway, { token: null });
    const isOver = async () => (await nobody.call('GET', '/v1/files')).status === 401;
    await until('its end', isOver, { deadlineMs: 30_000 });
    expect(await until('the close', () => events.ended())).toEqual({ code: 1008, reason: 'Unauthorized' });
    await until('the record of its end', () => logged(gateway, 'grace_over').length > 0);
    await gateway.kill9();

    const again = await startGateway({
      home: gateway.home,
      env: {
        ...env,
        NODE_OPTIONS: `--import=${join(import.meta.dirname, '../support/shift-clock.mjs')}`,
        CLOCK_OFFSET_MS: String(-600_000),
      },
    });
    expect((await createApi(again, null).call('GET', '/v1/files')).status).toBe(401);
    expect(logged(again, 'grace_over')).toHaveLength(1);
    expect(logged(again, 'grace_on')).toEqual([]);
    const ada = await signToken({ sub: 'ada', expiresInSeconds: 60 });
    expect((await createApi(again, ada).call('GET', '/v1/files')).status).toBe(200);
  });

  it('J44 is refused at the start when it is longer than 30 days', async () => {
    const cwd = await makeHome();
    const env = { ...secret, DATA_DIR: `${cwd}/data`, PORT: '0', AUTH_GRACE_UNTIL: inMs(31 * DAY_MS) };
    const { exitCode, stderr } = await runWaybill(['serve'], { cwd, env });
    expect([exitCode, stderr]).toEqual([78, expect.stringContaining('AUTH_GRACE_UNTIL')]);
  });
});
