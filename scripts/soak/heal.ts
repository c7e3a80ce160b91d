import type { Pool } from 'pg';
import { until } from '../../test/support/until.ts';
import { type Caller, createCaller, jsonOf, summaryOf } from './call.ts';
import type { Gateway } from './gateways.ts';
import type { Ledger } from './ledger.ts';

export interface Healing {
  readonly gateways: readonly [Gateway, ...Gateway[]];
  readonly callers: ReadonlyMap<string, Caller>;
  readonly ledger: Ledger;
  readonly pool: Pool;
}

/** Jobs of a process that died are given out again after a minute or two, and what it had reserved ends as late. */
const SETTLE_DEADLINE_MS = 300_000;

const UNSETTLED = `select
  (select count(*)::int from waybill.provider_file_uploads
    where status in ('pending', 'uploading', 'processing', 'deleting')) as deliveries,
  (select count(*)::int from waybill.files where deleted_at is not null and purged_at is null) as removals,
  (select count(*)::int from waybill.uploads) as uploads,
  (select count(*)::int from waybill.reservations) as reservations`;

/** Waits until nothing is under way any more. What still is at the deadline breaks a promise. */
export const settle = async ({ ledger, pool }: Pick<Healing, 'ledger' | 'pool'>): Promise<number> => {
  const begun = performance.now();
  let left: Record<string, number> = {};
  const look = async (): Promise<boolean> => {
    left = (await pool.query<Record<string, number>>(UNSETTLED)).rows[0] ?? {};
    return Object.values(left).every((count) => count === 0);
  };
  await until('nothing is under way', look, { deadlineMs: SETTLE_DEADLINE_MS }).catch(() =>
    ledger.violate('unsettled', JSON.stringify(left)),
  );
  return Math.round((performance.now() - begun) / 1_000);
};

/** Gives up the tus uploads that no worker went on with, as their owners. */
export const giveUpUploads = async ({ gateways, callers, ledger, pool }: Healing): Promise<void> => {
  const { rows } = await pool.query<{ id: string; owner: string }>('select id, owner from waybill.uploads');
  for (const { id, owner } of rows) {
    const call = { method: 'DELETE', path: `/v1/tus/${id}`, headers: { 'tus-resumable': '1.0.0' } } as const;
    const answer = (await callers.get(owner)?.(gateways[0].url() ?? '', call)) ?? null;
    ledger.note('tus upload given up by its owner at the end');
    if (answer?.status !== 204) ledger.violate('tus upload stuck', `${id}: ${summaryOf(answer)}`);
  }
};

export interface Pass {
  readonly kind: string;
  readonly status: string;
  readonly report: {
    /** Of a cleanup. */
    readonly removed?: Readonly<Record<string, number>>;
    /** Of a reconciliation. */
    readonly accounts?: readonly {
      readonly provider: string;
      readonly state: string;
      readonly listed: number;
      readonly foreign: number;
      readonly ghosts: Readonly<Record<string, number>>;
      readonly orphans: Readonly<Record<string, number>>;
    }[];
  } | null;
}

const LOOK_AGAIN = { prefer: 'wait=60' };

/** One cleanup, then one reconciliation that repairs. Answers with their reports. */
export const runPasses = async ({
  gateways,
  ledger,
}: Pick<Healing, 'gateways' | 'ledger'>): Promise<readonly Pass[]> => {
  const admin = await createCaller('soak-admin', 'admin');
  const url = gateways[0].url() ?? '';
  const passes: Pass[] = [];
  for (const kind of ['cleanup', 'reconcile']) {
    const headers = { ...LOOK_AGAIN, 'content-type': 'application/json' };
    const begin = { method: 'POST', path: '/v1/passes', headers, body: JSON.stringify({ kind }) } as const;
    const answer = await admin(url, begin);
    const pass = answer?.status === 200 ? jsonOf<Pass>(answer) : null;
    if (pass?.status !== 'completed')
      ledger.violate('pass not completed', `${kind}: ${summaryOf(answer)} ${JSON.stringify(pass)}`);
    if (pass !== null) passes.push(pass);
  }
  return passes;
};
