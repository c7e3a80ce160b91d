/** What a cleanup removed, or in a dry run would. Plain data that JSON keeps: it is stored with its pass. */
export interface CleanupReport {
  /** What retention found before it removed anything. */
  readonly retention: {
    /** How long files without an expiry of their own are kept; 0: for ever. */
    readonly days: number;
    readonly liveFiles: number;
    /** Files whose time is over. */
    readonly dueFiles: number;
    readonly dueBytes: number;
    /** Of these, those that the last cleanup should have found already, had the clock and the rules been the same. */
    readonly unexpectedFiles: number;
  };
  readonly removed: RemovalCounts;
  /** How often another instance went on with the pass after the one that had it died. */
  readonly takeovers: number;
}

/** How many went of each kind of thing. */
export interface RemovalCounts {
  /** Files whose time was over; their copies at providers and their bytes go in the background. */
  readonly files: number;
  /** Of these files. */
  readonly bytes: number;
  /** Resumable uploads that nobody has gone on with. */
  readonly uploads: number;
  /** Room kept for files whose receiver has died. */
  readonly reservations: number;
  /** What crashes left in the blob store that no record names. */
  readonly blobs: number;
  readonly uploadUrls: number;
  readonly idempotencyKeys: number;
  readonly auditRows: number;
  /** Records of files that have long been gone everywhere. */
  readonly tombstones: number;
  readonly passes: number;
}

export const NOTHING_REMOVED: RemovalCounts = {
  files: 0,
  bytes: 0,
  uploads: 0,
  reservations: 0,
  blobs: 0,
  uploadUrls: 0,
  idempotencyKeys: 0,
  auditRows: 0,
  tombstones: 0,
  passes: 0,
};
