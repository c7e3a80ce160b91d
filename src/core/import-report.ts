/** Why a row of the earlier system was not taken over. */
export type SkipReason =
  | 'failed_there'
  | 'deleted_there'
  | 'unknown_provider'
  | 'provider_not_configured'
  | 'no_provider_file_id'
  | 'no_sha256'
  | 'no_size'
  | 'missing_at_provider'
  | 'not_the_same_file'
  | 'tracked_already';

/** What an import of the earlier system's record did; of a dry run, what it would have done. */
export interface ImportReport {
  readonly isDryRun: boolean;
  /** Rows of its `provider_file_uploads`. */
  readonly rows: number;
  readonly imported: number;
  /** Taken over by an earlier run. */
  readonly importedBefore: number;
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
  /** Some of the rows that were skipped. */
  readonly examples: readonly { readonly row: string; readonly reason: SkipReason }[];
}
