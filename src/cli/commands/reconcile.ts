import type { PassObject } from '../../api/pass-object.ts';
import { cleanText } from '../clean-text.ts';
import { CliError } from '../cli-error.ts';
import type { Run } from '../command.ts';
import { formatTable } from '../format-table.ts';
import type { reconcileOptions } from '../options.ts';
import { runPass } from '../run-pass.ts';

/** `waybill reconcile`: tells how the record and the providers differ, or with `--repair` settles it. */
export const reconcile: Run<typeof reconcileOptions> = async (call) => {
  const { repair = false, 'dry-run': isDryRun = false, force: isForced = false } = call.values;
  if (repair && isDryRun) throw new CliError('usage', 'Give --dry-run or --repair, not both.');
  return await runPass(call, { kind: 'reconcile', isDryRun: !repair, isForced }, describe);
};

const HEAD = ['provider', 'account', 'state', 'listed', 'tracked', 'matched', 'ghosts', 'orphans', 'foreign'];

const describe = (pass: PassObject): string => {
  if (pass.kind !== 'reconcile' || pass.report === null) return '';
  const { accounts } = pass.report;
  const done = pass.dry_run ? 'would be' : 'were';
  const rows = accounts.map(({ provider, account, state, ghosts, orphans, ...counts }) => [
    provider,
    account.slice(0, 12),
    state,
    String(counts.listed),
    String(counts.tracked),
    String(counts.matched),
    String(ghosts.redelivered + ghosts.marked + ghosts.left),
    String(orphans.adopted + orphans.removed + orphans.left),
    String(counts.foreign),
  ]);
  const lines = accounts.flatMap(({ provider, detail, ghosts, orphans, mismatched }) => [
    ...(detail === null ? [] : [`${provider}: ${detail}`]),
    ...sentence(provider, `of the ghosts ${done}`, {
      'sent again': ghosts.redelivered,
      'marked as gone': ghosts.marked,
    }),
    ...sentence(provider, `of the orphans ${done}`, { adopted: orphans.adopted, removed: orphans.removed }),
    ...(mismatched === 0 ? [] : [`${provider}: ${mismatched} of another size or account, left alone`]),
  ]);
  const table = formatTable([HEAD, ...rows], { right: [3, 4, 5, 6, 7, 8] });
  return `${table}${lines.map((line) => `${cleanText(line)}\n`).join('')}`;
};

/** Nothing when nothing was counted. */
const sentence = (provider: string, what: string, counts: Readonly<Record<string, number>>): string[] => {
  const parts = Object.entries(counts).flatMap(([how, count]) => (count === 0 ? [] : `${count} ${how}`));
  return parts.length === 0 ? [] : [`${provider}: ${what} ${parts.join(', ')}`];
};
