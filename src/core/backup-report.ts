/** What a backup or a restore did. */
export interface BackupReport {
  readonly directory: string;
  /** When the record was read, RFC 3339. */
  readonly recordedAt: string;
  /** Files with a master copy. */
  readonly files: number;
  readonly contents: {
    readonly copied: number;
    readonly copiedBytes: number;
    /** There already, and whole. */
    readonly kept: number;
  };
  /** Files that were deleted while the backup ran; a restore takes them up as deleted. */
  readonly deletedMeanwhile: number;
  /** Files whose master copy was missing or not what its record says. A restore has their copies at providers only. */
  readonly damaged: readonly string[];
}

export interface BackupProgress {
  readonly filesDone: number;
  readonly filesTotal: number;
}
