import type { BackupProgress, BackupReport } from '../../core/backup-report.ts';
import type { Invocation, Run } from '../command.ts';
import { EXIT_FAILED, EXIT_OK } from '../exit-codes.ts';
import { formatBytes } from '../format-quantity.ts';
import type { Io } from '../io.ts';
import type { commonOptions } from '../options.ts';
import { printJson } from '../print-json.ts';

type Options = typeof commonOptions;

/** `waybill backup DIR` */
export const backup: Run<Options> = (invocation) =>
  report(invocation, (directory, asked) => invocation.local.backup(directory, asked));

/** `waybill restore DIR` */
export const restore: Run<Options> = (invocation) =>
  report(invocation, (directory, asked) => invocation.local.restore(directory, asked));

interface Asked {
  readonly onProgress: (progress: BackupProgress) => void;
  readonly signal: AbortSignal;
}

const report = async (
  { operands, values, io }: Invocation<Options>,
  run: (directory: string, asked: Asked) => Promise<BackupReport>,
): Promise<number> => {
  const [directory = ''] = operands;
  const done = await run(directory, { onProgress: progressOn(io), signal: io.interrupted });
  if (io.isTerminal) io.stderr.write('\r\x1B[K');
  if (values.json) printJson(io.stdout, toJson(done));
  else io.stdout.write(toText(done));
  return done.damaged.length > 0 ? EXIT_FAILED : EXIT_OK;
};

const progressOn =
  (io: Io) =>
  ({ filesDone, filesTotal }: BackupProgress): void => {
    if (io.isTerminal) io.stderr.write(`\r${filesDone} of ${filesTotal} files`);
  };

const toJson = ({ recordedAt, deletedMeanwhile, contents, ...rest }: BackupReport) => ({
  ...rest,
  recorded_at: recordedAt,
  contents: { copied: contents.copied, copied_bytes: contents.copiedBytes, kept: contents.kept },
  deleted_meanwhile: deletedMeanwhile,
});

const toText = ({ files, recordedAt, contents, deletedMeanwhile, damaged }: BackupReport): string => {
  const lines = [
    `Files: ${files}, as of ${recordedAt}; contents copied: ${contents.copied} (${formatBytes(contents.copiedBytes)}), there already: ${contents.kept}.`,
    ...(deletedMeanwhile > 0 ? [`${deletedMeanwhile} were deleted while the backup ran.`] : []),
    ...damaged.map((id) => `${id}: its original bytes are missing or damaged and are not in the backup.`),
  ];
  return `${lines.join('\n')}\n`;
};
