import type { CleanupReportObject, PassObject } from '../../api/pass-object.ts';
import type { Run } from '../command.ts';
import { formatBytes } from '../format-quantity.ts';
import { formatTable } from '../format-table.ts';
import type { cleanupOptions } from '../options.ts';
import { runPass } from '../run-pass.ts';

/** `waybill cleanup`: removes what has ended, or with `--dry-run` tells what that is. */
export const cleanUp: Run<typeof cleanupOptions> = (call) => {
  const { 'dry-run': isDryRun, force: isForced } = call.values;
  return runPass(call, { kind: 'cleanup', isDryRun, isForced }, describe);
};

const describe = (pass: PassObject): string => {
  if (pass.kind !== 'cleanup' || pass.report === null) return '';
  const { retention, removed } = pass.report;
  const rule = retention.days === 0 ? 'kept for ever' : `kept ${retention.days} days`;
  const found = `Files: ${retention.live_files} (${rule} unless they say otherwise), ${retention.due_files} of them past their time.\n`;
  return `${found}${formatTable([['', pass.dry_run ? 'to remove' : 'removed'], ...rowsOf(removed)], { right: [1] })}`;
};

const rowsOf = (removed: CleanupReportObject['removed']): string[][] => [
  ['files', String(removed.files)],
  ['their bytes', formatBytes(removed.bytes)],
  ['abandoned uploads', String(removed.uploads)],
  ['stale reservations', String(removed.reservations)],
  ['blobs of crashes', String(removed.blobs)],
  ['ended upload URLs', String(removed.upload_urls)],
  ['idempotency keys', String(removed.idempotency_keys)],
  ['audit entries', String(removed.audit_rows)],
  ['tombstones', String(removed.tombstones)],
  ['passes', String(removed.passes)],
];
