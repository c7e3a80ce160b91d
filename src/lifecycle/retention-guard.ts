/** What retention finds before it removes anything, by the database's clock. */
export interface RetentionOutlook {
  readonly now: Date;
  /** When the last cleanup began that came to its end. */
  readonly witnessedAt: Date;
  readonly liveFiles: number;
  readonly dueFiles: number;
  /** Of the due, those whose time was over when the last cleanup began, which found none of them. */
  readonly unexpectedFiles: number;
}

/** A gap that may be a clock that has jumped: longer than that between two passes, and than most holidays of a machine. */
const GAP_MS = 7 * 86_400_000;
const PERIODS = 2;
/** Both together: a few files are no runaway, and many files may be a small share. */
const MAX_UNEXPECTED_FILES = 100;
const MAX_UNEXPECTED_SHARE = 0.3;

/**
 * Why retention is to remove nothing until somebody confirms it; null when it may go on. In ordinary life every file that is
 * due has become so since the last cleanup, however many they are. Those that were due before then come of a clock, a
 * rule or a record that has changed.
 */
export const refuseRemoval = (
  outlook: RetentionOutlook,
  { periodMs }: { periodMs: number },
): string | null => {
  const { now, witnessedAt, liveFiles, dueFiles, unexpectedFiles } = outlook;
  if (dueFiles === 0) return null;
  const gapMs = now.getTime() - witnessedAt.getTime();
  if (gapMs > Math.max(GAP_MS, PERIODS * periodMs)) {
    const days = Math.floor(gapMs / 86_400_000);
    return `The last cleanup was ${days} days ago by the database's clock, so that clock may have jumped. Nothing was removed; if the time is right, confirm the removal of ${dueFiles} ${dueFiles === 1 ? 'file' : 'files'} with: waybill cleanup --force`;
  }
  const isRunaway =
    unexpectedFiles > MAX_UNEXPECTED_FILES && unexpectedFiles > liveFiles * MAX_UNEXPECTED_SHARE;
  if (!isRunaway) return null;
  return `${unexpectedFiles} of ${liveFiles} files would go though their time was over before the last cleanup, as when RETENTION_DAYS was lowered or a clock was set. Nothing was removed; if that is meant, confirm it with: waybill cleanup --force`;
};
