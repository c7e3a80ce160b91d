import type { ErrorCode } from '../core/errors.ts';
import type { Queryable } from '../platform/database.ts';

/** One thing that somebody asked for. Nothing in it is a secret, or text of the client's choice. */
export interface AuditEntry {
  readonly at: Date;
  /** Null: nobody that is known. */
  readonly owner: string | null;
  /** What was asked for, such as `file.create`. */
  readonly action: string;
  /** The file or upload it was about, where there is one. */
  readonly fileId: string | null;
  readonly httpStatus: number;
  /** Null: it was done. */
  readonly errorCode: ErrorCode | null;
  readonly requestId: string;
  readonly address: string | null;
  /** How many that were alike it stands for. */
  readonly count: number;
}

/** Adds to the audit trail, which nothing changes or takes from afterwards. */
export const insertAuditEntries = async (db: Queryable, entries: readonly AuditEntry[]): Promise<void> => {
  if (entries.length === 0) return;
  const rows = entries.map(({ fileId, httpStatus, errorCode, requestId, ...same }) => ({
    ...same,
    file_id: fileId,
    status: httpStatus,
    error_code: errorCode,
    request_id: requestId,
  }));
  await db.insertInto('audit').values(rows).execute();
};
