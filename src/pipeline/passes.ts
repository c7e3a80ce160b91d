import { randomBytes, randomUUID } from 'node:crypto';
import type { CleanupReport } from '../core/cleanup-report.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import { isConclusive, isSuspicious, type ReconcileReport } from '../core/reconcile-report.ts';
import { transact } from '../platform/database.ts';
import type { PassMetrics } from '../platform/metrics-passes.ts';
import {
  beginPass,
  endPass,
  failSilentPasses,
  findPass,
  holdPass,
  listPasses,
  type PassEnd,
  type PassKind,
  type PassQuery,
  type PassRun,
  type PassStatus,
  type TrackedPass,
  takePass,
} from '../tracking/passes.ts';
import { setWitness } from '../tracking/retention.ts';
import { cleanUp } from './cleanup.ts';
import type { Dependencies } from './dependencies.ts';
import { beginPassJob, passJob } from './job-kinds.ts';
import { reconcile } from './reconcile.ts';
import type { Uploads } from './uploads.ts';
import { type Wait, watchFile } from './watch-file.ts';

/** One run over the whole record, by schedule or by hand, with its report. */
export interface Pass {
  readonly id: string;
  readonly kind: PassKind;
  readonly isDryRun: boolean;
  readonly status: PassStatus;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  /** How far it has come while it runs; null when nothing is known yet, or it failed before that. */
  readonly report: CleanupReport | ReconcileReport | null;
  /** Why it was stopped or failed. */
  readonly message: string | null;
}

export interface WantedPass {
  readonly kind: PassKind;
  /** Only finds out what there is to do. */
  readonly isDryRun: boolean;
  /** Goes through with what the guards against runaway deletion and against lists that miss much stop. */
  readonly isForced: boolean;
}

/** Runs over the record. Of each kind one runs at a time over all instances, on any of them. */
export interface Passes {
  /** Begins one. Rejects with `pass_running` while another of its kind runs. */
  begin(wanted: WantedPass): Promise<Pass>;
  /** The pass, once it has ended or the wait is over. Rejects with `not_found`. */
  find(id: string, wait?: Wait): Promise<Pass>;
  /** Those that began last in front. */
  list(query: PassQuery): Promise<readonly Pass[]>;
}

const KINDS: readonly PassKind[] = ['cleanup', 'reconcile'];
const ALIVE_EVERY_MS = 10_000;
/** Longer than the queue takes to give the job of an instance that died to another. */
const SILENT_MS = 600_000;
/** One of each kind. */
const CONCURRENCY = 2;

/** The run of a pass finds that a later one has it, and ends without a trace. */
class PassLostError extends Error {
  override readonly name = 'PassLostError';
}

/** Starts the workers that run passes, and has passes begun as they are scheduled. */
export const openPasses = async (
  dependencies: Dependencies,
  uploads: Pick<Uploads, 'expire'>,
): Promise<Passes> => {
  const { database, jobs, retention, log } = dependencies;
  await jobs.work(passJob, CONCURRENCY, ({ passId }, signal) =>
    runPass(dependencies, uploads, { id: passId, signal }),
  );
  for (const kind of KINDS) {
    await jobs.work(beginPassJob(kind), 1, async () => {
      const { pass, isNew } = await begin(dependencies, { kind, isDryRun: false, isForced: false });
      if (!isNew) log.warn({ event: 'pass_skipped', kind, running: pass.id });
    });
  }
  if (retention !== undefined) {
    await jobs.schedule(beginPassJob('cleanup'), retention.cleanupCron);
    await jobs.schedule(beginPassJob('reconcile'), retention.reconcileCron);
  }
  return {
    begin: async (wanted) => {
      const { pass, isNew } = await begin(dependencies, wanted);
      if (isNew) return toPass(pass);
      throw new GatewayError(
        'pass_running',
        `The pass ${pass.id} of the same kind is running already; wait until it has ended.`,
        { param: 'kind' },
      );
    },
    find: (id, wait = { waitMs: 0 }) =>
      watchFile(dependencies, id, wait, async () => {
        const found = await findPass(database, id);
        if (found === null) throw new GatewayError('not_found', `There is no pass ${id}.`, { param: 'id' });
        return { value: toPass(found), isDone: found.status !== 'running' };
      }),
    list: async (query) => (await listPasses(database, query)).map(toPass),
  };
};

/** The pass and its job commit together, so that there is never one without the other. */
const begin = (
  { database, jobs }: Dependencies,
  wanted: WantedPass,
): Promise<{ readonly pass: TrackedPass; readonly isNew: boolean }> =>
  transact(database, async (trx) => {
    const message = 'Its instance has died and no other went on with it.';
    await failSilentPasses(trx, wanted.kind, { silentMs: SILENT_MS, message });
    const begun = await beginPass(trx, { id: `pass-${randomBytes(12).toString('hex')}`, ...wanted });
    if (begun.isNew) await jobs.send(trx, passJob, { passId: begun.pass.id });
    return begun;
  });

/** Runs a pass for its job. Rejects, so that the queue gives the pass to another run, when this one cannot end it. */
const runPass = async (
  dependencies: Dependencies,
  uploads: Pick<Uploads, 'expire'>,
  { id, signal: stopped }: { id: string; signal: AbortSignal },
): Promise<void> => {
  const { database, log } = dependencies;
  const run: PassRun = { id, run: randomUUID() };
  const pass = await takePass(database, run);
  if (pass === null) return;
  log.info({ event: 'pass_begun', pass: id, kind: pass.kind, dry_run: pass.isDryRun, runs: pass.runs });
  const lost = new AbortController();
  const keepingAlive = setInterval(() => {
    holdPass(database, run).then(
      (isHeld) => void (isHeld || lost.abort(new PassLostError())),
      (error: unknown) => log.warn({ event: 'pass_not_kept_alive', pass: id, err: error }),
    );
  }, ALIVE_EVERY_MS).unref();
  const signal = AbortSignal.any([stopped, lost.signal]);
  try {
    await end(dependencies, { pass, run }, await carryOut(dependencies, uploads, { pass, run, signal }));
  } catch (error) {
    if (error instanceof PassLostError || lost.signal.aborted) return;
    if (stopped.aborted || toGatewayError(error).code === 'unavailable') throw error;
    log.error({ event: 'pass_fault', pass: id, err: error });
    const message = 'Something went wrong inside Waybill; the log says what.';
    await end(dependencies, { pass, run }, { status: 'failed', message });
  } finally {
    clearInterval(keepingAlive);
  }
};

interface Running {
  readonly pass: TrackedPass;
  readonly run: PassRun;
}

const carryOut = async (
  dependencies: Dependencies,
  uploads: Pick<Uploads, 'expire'>,
  { pass, run, signal }: Running & { readonly signal: AbortSignal },
): Promise<PassEnd> => {
  if (pass.kind === 'reconcile') {
    const mode = pass.isDryRun ? 'report' : 'repair';
    const report = await reconcile(dependencies, { mode, isForced: pass.isForced, signal });
    return { ...verdictOn(report), report };
  }
  return await cleanUp({
    dependencies,
    pass,
    expireUploads: () => uploads.expire(),
    save: async (db, report) => {
      if (!(await holdPass(db, run, report))) throw new PassLostError();
    },
    signal,
  });
};

const verdictOn = (report: ReconcileReport): Omit<PassEnd, 'report'> => {
  if (isSuspicious(report)) {
    const message =
      "A provider's list misses so much that it is not believed; nothing was done for that account.";
    return { status: 'stopped', message };
  }
  if (isConclusive(report)) return { status: 'completed', message: null };
  return {
    status: 'failed',
    message: 'Not every account could be compared to the end; the report says why.',
  };
};

const end = async (
  { database, changes, metrics, log }: Dependencies,
  { pass, run }: Running,
  how: PassEnd,
): Promise<void> => {
  const ended = await transact(database, async (trx) => {
    const isWitness = pass.kind === 'cleanup' && how.status === 'completed' && !pass.isDryRun;
    const ended = await endPass(trx, run, how);
    if (ended !== null && isWitness) await setWitness(trx, ended.startedAt);
    return ended;
  });
  if (ended === null) return;
  changes.announce(pass.id);
  const seconds = ((ended.endedAt ?? ended.startedAt).getTime() - ended.startedAt.getTime()) / 1_000;
  metrics.passes.ended({ kind: pass.kind, status: how.status, seconds });
  if (!pass.isDryRun) countDone(metrics.passes, ended.report as Pass['report']);
  const level = how.status === 'completed' ? 'info' : 'error';
  const { id, kind, status, message, report } = ended;
  log[level]({ event: 'pass_ended', pass: id, kind, status, message, report });
};

const countDone = (metrics: PassMetrics, report: Pass['report']): void => {
  if (report === null) return;
  if ('removed' in report) metrics.removed(report.removed);
  else
    for (const { provider, ghosts, orphans } of report.accounts)
      metrics.repaired(provider, { ...ghosts, ...orphans });
};

/** A report is what its own kind of pass has saved. */
const toPass = ({ id, kind, isDryRun, status, message, report, startedAt, endedAt }: TrackedPass): Pass => ({
  id,
  kind,
  isDryRun,
  status,
  startedAt,
  endedAt,
  report: report as Pass['report'],
  message,
});
