import { z } from 'zod';
import type { CleanupReport } from '../core/cleanup-report.ts';
import { providerIds } from '../core/provider.ts';
import type { AccountReport, ReconcileReport } from '../core/reconcile-report.ts';
import type { Pass } from '../pipeline/passes.ts';

export const passKinds = ['cleanup', 'reconcile'] as const;

const cleanupReport = z
  .object({
    retention: z.object({
      days: z.int().describe('RETENTION_DAYS; 0: for ever'),
      live_files: z.int(),
      due_files: z.int().describe('Files whose time was over when the pass began'),
      due_bytes: z.int(),
      unexpected_files: z.int().describe('Of the due, those that the last cleanup should have found already'),
    }),
    removed: z.object({
      files: z.int(),
      bytes: z.int(),
      uploads: z.int(),
      reservations: z.int(),
      blobs: z.int(),
      upload_urls: z.int(),
      idempotency_keys: z.int(),
      audit_rows: z.int(),
      tombstones: z.int(),
      passes: z.int(),
    }),
    takeovers: z.int().describe('How often another instance went on after one had died'),
  })
  .meta({ id: 'CleanupReport' });

const accountReport = z.object({
  provider: z.enum(providerIds),
  account: z.string(),
  state: z.enum(['ok', 'list_failed', 'suspicious', 'unreachable']),
  detail: z.string().nullable(),
  listed: z.int(),
  tracked: z.int(),
  matched: z.int(),
  ghosts: z
    .object({ redelivered: z.int(), marked: z.int(), left: z.int() })
    .describe('Tracked, and not at the provider'),
  orphans: z
    .object({ adopted: z.int(), removed: z.int(), left: z.int() })
    .describe('At the provider, sent by a delivery of the record, and not tracked'),
  foreign: z.int().describe('Not ours; never touched'),
  foreign_marked: z.int(),
  mismatched: z.int(),
  examples: z.array(
    z.object({
      kind: z.enum(['ghost', 'orphan', 'foreign', 'mismatched']),
      provider_file_id: z.string(),
      file_id: z.string().nullable(),
    }),
  ),
});

const reconcileReport = z
  .object({ mode: z.enum(['report', 'repair']), accounts: z.array(accountReport) })
  .meta({ id: 'ReconcileReport' });

const common = {
  id: z.string(),
  object: z.literal('pass'),
  dry_run: z.boolean(),
  status: z
    .enum(['running', 'completed', 'stopped', 'failed'])
    .describe('Stopped: it found too much to do to believe it, and did nothing of that'),
  started_at: z.int().describe('Unix seconds'),
  ended_at: z.int().nullable(),
  message: z.string().nullable().describe('Why it was stopped or failed'),
};

/** A run over the whole record. In a dry run the report tells what would have been done. */
export const passObject = z
  .discriminatedUnion('kind', [
    z.object({ ...common, kind: z.literal('cleanup'), report: cleanupReport.nullable() }),
    z.object({ ...common, kind: z.literal('reconcile'), report: reconcileReport.nullable() }),
  ])
  .meta({ id: 'Pass' });

export type PassObject = z.output<typeof passObject>;
export type CleanupReportObject = z.output<typeof cleanupReport>;
type ReconcileReportObject = z.output<typeof reconcileReport>;

/** One page of passes, those that began last in front. */
export const passList = z.object({ object: z.literal('list'), data: z.array(passObject) });

export type PassList = z.output<typeof passList>;

export const toPassObject = (pass: Pass): PassObject => {
  const facts = {
    id: pass.id,
    object: 'pass',
    dry_run: pass.isDryRun,
    status: pass.status,
    started_at: unixSeconds(pass.startedAt),
    ended_at: pass.endedAt && unixSeconds(pass.endedAt),
    message: pass.message,
  } as const;
  const { report } = pass;
  return pass.kind === 'cleanup'
    ? { ...facts, kind: 'cleanup', report: report && 'removed' in report ? toCleanup(report) : null }
    : { ...facts, kind: 'reconcile', report: report && 'accounts' in report ? toReconcile(report) : null };
};

const toCleanup = ({ retention, removed, takeovers }: CleanupReport): CleanupReportObject => ({
  retention: {
    days: retention.days,
    live_files: retention.liveFiles,
    due_files: retention.dueFiles,
    due_bytes: retention.dueBytes,
    unexpected_files: retention.unexpectedFiles,
  },
  removed: {
    files: removed.files,
    bytes: removed.bytes,
    uploads: removed.uploads,
    reservations: removed.reservations,
    blobs: removed.blobs,
    upload_urls: removed.uploadUrls,
    idempotency_keys: removed.idempotencyKeys,
    audit_rows: removed.auditRows,
    tombstones: removed.tombstones,
    passes: removed.passes,
  },
  takeovers,
});

const toReconcile = ({ mode, accounts }: ReconcileReport): ReconcileReportObject => ({
  mode,
  accounts: accounts.map(toAccount),
});

const toAccount = ({ foreignMarked, examples, ghosts, orphans, ...same }: AccountReport) => ({
  ...same,
  ghosts: { ...ghosts },
  orphans: { ...orphans },
  foreign_marked: foreignMarked,
  examples: examples.map(({ kind, remoteId, fileId }) => ({
    kind,
    provider_file_id: remoteId,
    file_id: fileId,
  })),
});

const unixSeconds = (date: Date): number => Math.floor(date.getTime() / 1_000);
