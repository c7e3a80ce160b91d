import type { ImportReport } from '../../core/import-report.ts';
import { isSubject } from '../../core/principal.ts';
import { CliError } from '../cli-error.ts';
import type { Run } from '../command.ts';
import { EXIT_OK } from '../exit-codes.ts';
import { formatTable } from '../format-table.ts';
import type { importOptions } from '../options.ts';
import { printJson } from '../print-json.ts';

/** `waybill import-legacy` */
export const importLegacy: Run<typeof importOptions> = async ({ values, io, local }) => {
  const { from, owner = null, schema: fromSchema = 'public', 'dry-run': isDryRun = false } = values;
  if (!from)
    throw new CliError(
      'usage',
      'Say where the earlier database is with --from postgres://user:password@host/name.',
    );
  if (owner !== null && !isSubject(owner))
    throw new CliError(
      'usage',
      `--owner ${JSON.stringify(owner)} cannot own files; use up to 255 characters without spaces.`,
    );
  const onProgress = (rows: number): void => {
    if (io.isTerminal) io.stderr.write(`\r${rows} rows`);
  };
  const asked = { from, fromSchema, owner, isDryRun, onProgress, signal: io.interrupted };
  const report = await local.importLegacy(asked);
  if (io.isTerminal) io.stderr.write('\r\x1B[K');
  if (values.json) printJson(io.stdout, toJson(report));
  else io.stdout.write(toText(report));
  return EXIT_OK;
};

const toJson = ({ isDryRun, importedBefore, ...rest }: ImportReport) => ({
  dry_run: isDryRun,
  imported_before: importedBefore,
  ...rest,
});

const toText = ({ isDryRun, rows, imported, importedBefore, skipped }: ImportReport): string =>
  formatTable(
    [
      ['rows read', String(rows)],
      [isDryRun ? 'would be imported' : 'imported', String(imported)],
      ['imported before', String(importedBefore)],
      ...Object.entries(skipped).map(([reason, count]) => [`skipped: ${reason}`, String(count)]),
    ],
    { right: [1] },
  );
