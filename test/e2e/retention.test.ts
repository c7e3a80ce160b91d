/** How files end, as users and administrators meet it. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type Api, createApi } from '../support/create-api.ts';
import { runWaybill } from '../support/run-waybill.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

interface Pass {
  readonly id: string;
  readonly status: string;
  readonly message: string | null;
  readonly report: { readonly removed: { readonly files: number } };
}

let gateway: GatewayProcess;
let admin: Api;
let user: Api;

// Once a year, on a day that never is today.
const never = `0 0 1 ${((new Date().getUTCMonth() + 6) % 12) + 1} *`;
const env = { JWT_SECRET_KEY: JWT_SECRET, RETENTION_DAYS: '30', CLEANUP_CRON: never, RECONCILE_CRON: never };
beforeAll(async () => {
  gateway = await startGateway({ env });
  admin = createApi(gateway, await signToken({ sub: 'root', scope: 'admin' }));
  user = createApi(gateway, await signToken({ sub: 'ada' }));
});

const upload = async (query: string): Promise<string> => {
  const text = `notes of ${crypto.randomUUID()}\n`;
  return (await user.upload({ text, filename: 'a.txt', query })).file().id;
};
const age = (ids: readonly string[], days: number) =>
  gateway.query(`update waybill.files set created_at = now() - $2 * interval '1 day' where id = any($1)`, [
    ids,
    days,
  ]);
const statusOf = async (id: string): Promise<number> => (await user.call('GET', `/v1/files/${id}`)).status;
const cleanup = async (json: object = {}): Promise<Pass> => {
  const answer = await admin.call('POST', '/v1/passes', { json: { kind: 'cleanup', ...json } });
  expect(answer.status).toBe(200);
  return answer.json<Pass>();
};
const waybill = (...args: string[]) =>
  runWaybill(args, {
    cwd: gateway.home,
    env: { ...env, DATA_DIR: gateway.dataDir },
  });

describe('retention', () => {
  it('I5 removes files past their time, their copies at the providers first', async () => {
    const [old, fresh] = [await upload('provider=kimi'), await upload('provider=kimi')];
    await age([old], 31);

    expect((await cleanup({ dry_run: true })).report.removed.files).toBe(1);
    expect(await statusOf(old)).toBe(200);
    expect(await cleanup()).toMatchObject({ object: 'pass', status: 'completed', message: null });

    expect([await statusOf(old), await statusOf(fresh)]).toEqual([404, 200]);
    await until('its copy is gone', async () => {
      const rows = await gateway.query<{ status: string }>(
        'select status from waybill.provider_file_uploads where file_id = $1',
        [old],
      );
      return rows.every(({ status }) => status === 'deleted');
    });
  });

  it('is announced as the time from when on a file may be gone', async () => {
    const { created_at, expires_at } = (
      await user.upload({ text: 'to be kept for a while\n', filename: 'a.txt', query: 'provider=none' })
    ).file();
    expect(expires_at).toBe(created_at + 30 * 86_400);
  });

  it('lets nobody see a file from its own expiry on', async () => {
    const id = await upload('provider=none&expires_after[anchor]=created_at&expires_after[seconds]=3600');
    expect(await statusOf(id)).toBe(200);
    await gateway.query('update waybill.files set expires_at = now() where id = $1', [id]);
    expect(await statusOf(id)).toBe(404);
    expect((await user.call('GET', `/v1/files/${id}/content`)).status).toBe(404);
    const { data } = (await user.call('GET', '/v1/files')).json<{ data: { id: string }[] }>();
    expect(data.map((file) => file.id)).not.toContain(id);
    expect((await cleanup()).report.removed.files).toBe(1);
  });
});

describe('passes', () => {
  it('are for administrators', async () => {
    const calls = [
      await user.call('POST', '/v1/passes', { json: { kind: 'cleanup' } }),
      await user.call('GET', '/v1/passes'),
      await user.call('GET', '/v1/passes/pass-1'),
    ];
    expect(calls.map((answer) => [answer.status, answer.error().code])).toEqual(
      calls.map(() => [403, 'insufficient_scope']),
    );
  });

  it('are answered at once when that is preferred, and found again', async () => {
    const headers = { prefer: 'respond-async' };
    const begun = await admin.call('POST', '/v1/passes', {
      json: { kind: 'cleanup', dry_run: true },
      headers,
    });
    expect(begun.status).toBe(202);
    const { id } = begun.json<Pass>();
    const ended = await admin.call('GET', `/v1/passes/${id}`, { headers: { prefer: 'wait=30' } });
    expect(ended.json()).toMatchObject({ id, kind: 'cleanup', dry_run: true, status: 'completed' });
    const latest = await admin.call('GET', '/v1/passes?kind=cleanup&limit=1');
    expect(latest.json<{ data: Pass[] }>().data.map((pass) => pass.id)).toEqual([id]);
    expect((await admin.call('GET', '/v1/passes/pass-unknown')).status).toBe(404);
    const wrong = await admin.call('POST', '/v1/passes', { json: { kind: 'sweep' } });
    expect([wrong.status, wrong.error().param]).toEqual([400, 'kind']);
  });

  it('are refused while another of their kind runs', async () => {
    await gateway.query(
      `insert into waybill.passes (id, kind, is_dry_run, is_forced, status) values ('pass-1', 'cleanup', false, false, 'running')`,
    );
    const refused = await admin.call('POST', '/v1/passes', { json: { kind: 'cleanup' } });
    await gateway.query(`delete from waybill.passes where id = 'pass-1'`);
    expect([refused.status, refused.error().code]).toEqual([409, 'pass_running']);
    expect(refused.error().message).toContain('pass-1');
  });
});

describe('waybill cleanup', () => {
  it('I21 stops before a large share, ends with 1, and goes through with it when forced', async () => {
    const ids = await Promise.all(Array.from({ length: 120 }, () => upload('provider=none')));
    await age(ids, 300);

    const stopped = await waybill('cleanup');
    expect(stopped.exitCode).toBe(1);
    expect(stopped.stderr).toMatch(/^waybill: 120 of \d+ files would go .* \(stopped, pass-\w+\)\n$/u);
    expect(stopped.stdout).toMatch(/120 of them past their time.*\nfiles +0\n/su);
    expect(gateway.logs()).toContainEqual(
      expect.objectContaining({ event: 'pass_ended', status: 'stopped', level: 'error' }),
    );
    expect(await statusOf(ids[0] ?? '')).toBe(200);

    const dry = await waybill('cleanup', '--dry-run', '--force', '--json');
    expect([dry.exitCode, dry.stderr]).toEqual([0, '']);
    expect(JSON.parse(dry.stdout)).toMatchObject({ dry_run: true, report: { removed: { files: 120 } } });

    const forced = await waybill('cleanup', '--force');
    expect([forced.exitCode, forced.stderr]).toEqual([0, '']);
    expect(forced.stdout).toMatch(/\nfiles +120\n/u);
    expect(await statusOf(ids[0] ?? '')).toBe(404);
  });
});

describe('waybill reconcile', () => {
  it('prints how each account compares', async () => {
    const shown = await waybill('reconcile');
    expect([shown.exitCode, shown.stderr]).toEqual([0, '']);
    expect(shown.stdout).toMatch(/^provider +account +state .*\nkimi .*ok /u);
    const wrong = await waybill('reconcile', '--dry-run', '--repair');
    expect([wrong.exitCode, wrong.stderr]).toEqual([2, expect.stringContaining('not both')]);
  });
});
