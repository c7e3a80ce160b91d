import { sql } from 'kysely';
import type { Queryable, Row } from '../platform/database.ts';

export type PassKind = 'cleanup' | 'reconcile';
export type PassStatus = 'running' | 'completed' | 'stopped' | 'failed';

/** One run over the record: the row of `passes`. */
export interface TrackedPass {
  readonly id: string;
  readonly kind: PassKind;
  readonly isDryRun: boolean;
  readonly isForced: boolean;
  readonly status: PassStatus;
  /** Why it was stopped or failed. */
  readonly message: string | null;
  /** As it was last saved; what is in it, its kind says. */
  readonly report: unknown;
  /** How many runs of its job have had it. */
  readonly runs: number;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
}

export type NewPass = Pick<TrackedPass, 'id' | 'kind' | 'isDryRun' | 'isForced'>;

/** A run's hold on a pass: what it writes counts only while no later run has taken the pass. */
export interface PassRun {
  readonly id: string;
  /** A UUID of the run's own. */
  readonly run: string;
}

/** Begins a pass unless one of its kind is running; then answers with that one. */
export const beginPass = async (
  trx: Queryable,
  pass: NewPass,
): Promise<{ readonly pass: TrackedPass; readonly isNew: boolean }> => {
  const begun = await trx
    .insertInto('passes')
    .values({
      id: pass.id,
      kind: pass.kind,
      is_dry_run: pass.isDryRun,
      is_forced: pass.isForced,
      status: 'running',
      message: null,
      run: null,
      ended_at: null,
    })
    .onConflict((conflict) => conflict.column('kind').where('status', '=', 'running').doNothing())
    .returningAll()
    .executeTakeFirst();
  if (begun !== undefined) return { pass: toPass(begun), isNew: true };
  const running = await trx
    .selectFrom('passes')
    .selectAll()
    .where('kind', '=', pass.kind)
    .where('status', '=', 'running')
    .executeTakeFirst();
  // It ended between the two looks.
  return running === undefined ? beginPass(trx, pass) : { pass: toPass(running), isNew: false };
};

/** Ends passes that no run has kept alive for `silentMs`, as when their job was lost with a database that was restored. */
export const failSilentPasses = async (
  trx: Queryable,
  kind: PassKind,
  { silentMs, message }: { readonly silentMs: number; readonly message: string },
): Promise<void> => {
  await trx
    .updateTable('passes')
    .set({ status: 'failed', message, ended_at: sql<Date>`now()` })
    .where('kind', '=', kind)
    .where('status', '=', 'running')
    .where('alive_at', '<=', sql<Date>`now() - ${silentMs} * interval '1 millisecond'`)
    .execute();
};

/** Takes a running pass, from a run before that has died or stalled too. Null when it has ended. */
export const takePass = async (db: Queryable, { id, run }: PassRun): Promise<TrackedPass | null> => {
  const taken = await db
    .updateTable('passes')
    .set(({ eb }) => ({ run, runs: eb('runs', '+', 1), alive_at: sql<Date>`now()` }))
    .where('id', '=', id)
    .where('status', '=', 'running')
    .returningAll()
    .executeTakeFirst();
  return taken === undefined ? null : toPass(taken);
};

/** Says that the run goes on, and with `report` how far it has come. False when the pass is not the run's any more. */
export const holdPass = async (db: Queryable, { id, run }: PassRun, report?: object): Promise<boolean> => {
  const { numUpdatedRows } = await db
    .updateTable('passes')
    .set({
      alive_at: sql<Date>`now()`,
      ...(report === undefined ? {} : { report: JSON.stringify(report) }),
    })
    .where('id', '=', id)
    .where('run', '=', run)
    .where('status', '=', 'running')
    .executeTakeFirst();
  return numUpdatedRows === 1n;
};

export interface PassEnd {
  readonly status: Exclude<PassStatus, 'running'>;
  readonly message: string | null;
  /** Undefined leaves what was saved last. */
  readonly report?: object | undefined;
}

/** Ends a pass. Null when it is not the run's any more. */
export const endPass = async (
  db: Queryable,
  { id, run }: PassRun,
  { status, message, report }: PassEnd,
): Promise<TrackedPass | null> => {
  const ended = await db
    .updateTable('passes')
    .set({
      status,
      message,
      ended_at: sql<Date>`now()`,
      ...(report === undefined ? {} : { report: JSON.stringify(report) }),
    })
    .where('id', '=', id)
    .where('run', '=', run)
    .where('status', '=', 'running')
    .returningAll()
    .executeTakeFirst();
  return ended === undefined ? null : toPass(ended);
};

export const findPass = async (db: Queryable, id: string): Promise<TrackedPass | null> => {
  const row = await db.selectFrom('passes').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? null : toPass(row);
};

export interface PassQuery {
  readonly limit: number;
  readonly kind?: PassKind | undefined;
  /** The id of the last pass of the page before. */
  readonly after?: string | undefined;
}

/** Passes, those that began last in front. An `after` that is nobody's gives an empty page. */
export const listPasses = async (
  db: Queryable,
  { limit, kind, after }: PassQuery,
): Promise<readonly TrackedPass[]> => {
  let select = db.selectFrom('passes').selectAll();
  if (kind !== undefined) select = select.where('kind', '=', kind);
  if (after !== undefined) {
    select = select.where(({ eb, refTuple, selectFrom }) =>
      eb(
        refTuple('started_at', 'id'),
        '<',
        // The type of a subquery of two columns is not expressible.
        selectFrom('passes').select(['started_at', 'id']).where('id', '=', after) as never,
      ),
    );
  }
  const rows = await select.orderBy('started_at', 'desc').orderBy('id', 'desc').limit(limit).execute();
  return rows.map(toPass);
};

const toPass = (row: Row<'passes'>): TrackedPass => ({
  id: row.id,
  kind: row.kind,
  isDryRun: row.is_dry_run,
  isForced: row.is_forced,
  status: row.status,
  message: row.message,
  report: row.report,
  runs: row.runs,
  startedAt: row.started_at,
  endedAt: row.ended_at,
});
