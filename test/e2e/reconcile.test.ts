/** Reconciliation as those meet it who run a gateway. */
import { expect, it } from 'vitest';
import type { EmulatorClient } from '../../emulators/testing/emulator-client.ts';
import { createApi, type FileObject } from '../support/create-api.ts';
import { runWaybill } from '../support/run-waybill.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { startProviders } from '../support/start-providers.ts';
import { until } from '../support/until.ts';

interface Pass {
  readonly status: string;
  readonly report: { readonly accounts: readonly Account[] } | null;
}
interface Account {
  readonly provider: string;
  readonly state: string;
  readonly foreign: number;
  readonly foreign_marked: number;
  readonly ghosts: unknown;
  readonly orphans: unknown;
}

/** Providers, and what makes a gateway use them, trust our tokens, and run no pass but those asked for. */
const prepare = async () => {
  const { kimi, env } = await startProviders();
  return { kimi, env: { ...env, JWT_SECRET_KEY: JWT_SECRET, RECONCILE_CRON: '0 0 29 2 *' } };
};

const NOTHING = {
  ghosts: { redelivered: 0, marked: 0, left: 0 },
  orphans: { adopted: 0, removed: 0, left: 0 },
};
const adminToken = () => signToken({ sub: 'root', scope: 'admin' });

const reconcile = async (gateway: GatewayProcess, { dryRun = false, wait = 60 } = {}): Promise<Pass> => {
  const json = { kind: 'reconcile', dry_run: dryRun };
  const headers = { prefer: wait === 0 ? 'respond-async' : `wait=${wait}` };
  const answer = await createApi(gateway, await adminToken()).call('POST', '/v1/passes', { json, headers });
  expect(answer.status).toBe(wait === 0 ? 202 : 200);
  return answer.json<Pass>();
};

const atKimi = ({ report }: Pass): Account | undefined =>
  report?.accounts.find(({ provider }) => provider === 'kimi');

const seed = async (kimi: EmulatorClient, filename: string): Promise<string> => {
  const json = { filename, text: 'Words from elsewhere.', purpose: 'file-extract', createdAt: 1_600_000_000 };
  return (await kimi.control('POST', '/files', json)).json<{ id: string }>().id;
};

const idsAt = async (kimi: EmulatorClient) => (await kimi.state()).files.map(({ id }) => id).toSorted();

/** Copies that the record knows for longer than any list lags. */
const makeOld = (gateway: GatewayProcess) =>
  gateway.query("update waybill.provider_file_uploads set updated_at = now() - interval '1 hour'");

const uploadMany = async (gateway: GatewayProcess, count: number): Promise<readonly FileObject[]> => {
  const api = createApi(gateway);
  const answers = await Promise.all(
    Array.from({ length: count }, (_, nth) =>
      api.upload({ text: `Words of file ${nth}.`, query: 'provider=kimi' }),
    ),
  );
  await makeOld(gateway);
  return answers.map((answer) => answer.file());
};

const copyOf = (file: FileObject): string => file.deliveries[0]?.provider_file_id ?? '';

/** A file that is ours by its mark and that no record names. */
const seedStray = async (kimi: EmulatorClient, file: FileObject): Promise<string> => {
  const { files } = await kimi.state();
  return seed(kimi, files.find(({ id }) => id === copyOf(file))?.filename ?? '');
};

const whenAgreed = (
  gateway: GatewayProcess,
  kimi: EmulatorClient,
  { copies, foreign }: { copies: number; foreign: readonly string[] },
) =>
  until('both sides agree', async () => {
    const rows = await gateway.query<{ id: string }>(
      "select provider_file_id as id from waybill.provider_file_uploads where status = 'completed'",
    );
    const named = [...rows.map(({ id }) => id), ...foreign].toSorted();
    return rows.length === copies && JSON.stringify(await idsAt(kimi)) === JSON.stringify(named);
  });

it('S09 I3 I4 goes on where a repair was killed, removes nothing foreign, and then finds nothing', async () => {
  const { kimi, env } = await prepare();
  const first = await startGateway({ env });
  const files = await uploadMany(first, 5);
  const foreign = [await seed(kimi, 'theirs.txt'), await seed(kimi, 'theirs.wb-0123456789ab.txt')];
  const [lost, doubled, tripled] = files;
  if (lost === undefined || doubled === undefined || tripled === undefined) throw new Error('Too few files.');
  await kimi.control('DELETE', `/files/${copyOf(lost)}`);
  for (const file of [doubled, tripled, tripled]) await seedStray(kimi, file);

  const foreseen = await reconcile(first, { dryRun: true });
  expect(atKimi(foreseen)).toMatchObject({
    state: 'ok',
    foreign: 2,
    foreign_marked: 1,
    ghosts: { redelivered: 1, marked: 0, left: 0 },
    orphans: { adopted: 0, removed: 3, left: 0 },
  });
  expect(await idsAt(kimi)).toHaveLength(9);

  // The second removal is carried out, and nobody lives to hear of it.
  await kimi.fault('slow-answer', { on: 'delete', delayMs: 0 });
  await kimi.fault('slow-answer', { on: 'delete', delayMs: 60_000 });
  await reconcile(first, { wait: 0 });
  await kimi.stateWhen(({ deleted }) => deleted.length === 2);
  await first.kill9();
  await kimi.control('DELETE', '/faults');

  const second = await startGateway({ env, home: first.home });
  // What the dead process had begun is not waited for.
  await second.query(
    "update waybill.passes set alive_at = now() - interval '1 hour' where status = 'running'",
  );
  expect(await reconcile(second)).toMatchObject({ status: 'completed' });
  await whenAgreed(second, kimi, { copies: 5, foreign });
  await makeOld(second);
  const again = await reconcile(second);
  expect(atKimi(again)).toMatchObject({ state: 'ok', foreign: 2, ...NOTHING });
  const { deleted } = await kimi.state();
  expect(deleted).toHaveLength(3);
  expect(deleted.filter((id) => foreign.includes(id))).toEqual([]);
}, 120_000);

it('I21 V32 does nothing by a list that is cut short, and is loud about it, on the command line too', async () => {
  const { kimi, env } = await prepare();
  const gateway = await startGateway({ env });
  await uploadMany(gateway, 12);
  const before = await idsAt(kimi);
  const command = { cwd: gateway.home, env: { WAYBILL_URL: gateway.url, WAYBILL_TOKEN: await adminToken() } };

  await kimi.fault('omit-newest', { count: 12 });
  const stopped = await runWaybill(['reconcile', '--repair'], command);
  expect(stopped.exitCode).not.toBe(0);
  expect(stopped.stdout).toMatch(/kimi .*suspicious/u);

  await kimi.fault('status', { on: 'list', status: 500 });
  expect(await reconcile(gateway)).toMatchObject({ status: 'failed' });

  const agreed = await runWaybill(['reconcile'], command);
  expect(agreed).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/kimi .*\bok\b/u) });
  expect(await idsAt(kimi)).toEqual(before);
  const events = gateway.logs().filter(({ event }) => event === 'account_reconciled');
  expect(events.map(({ provider, state }) => `${provider} ${state}`)).toEqual(
    expect.arrayContaining(['kimi suspicious', 'kimi list_failed', 'kimi ok', 'glm ok']),
  );
}, 90_000);
