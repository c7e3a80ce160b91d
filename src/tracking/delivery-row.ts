import { sql } from 'kysely';
import type { Delivery } from '../core/file.ts';
import type { Row } from '../platform/database.ts';

/** A time from now, by the record's clock. */
export const inFuture = (ms: number) => sql<Date>`now() + ${ms} * interval '1 millisecond'`;

/** The row of a delivery as we speak of it. */
export const toDelivery = (row: Row<'provider_file_uploads'>): Delivery => ({
  id: row.id,
  fileId: row.file_id,
  provider: row.provider,
  account: row.account,
  remoteId: row.provider_file_id,
  shares: row.shares,
  purpose: row.purpose,
  status: row.status,
  reason: row.reason,
  attempts: row.attempts,
  looks: row.looks,
  bytesSent: row.bytes_sent,
  doubt: row.doubt,
  isImported: row.imported_from !== null,
  errorCode: row.error_code,
  errorMessage: row.error_message,
  createdAt: row.created_at,
  wantedAt: row.wanted_at,
  dueAt: row.due_at,
  updatedAt: row.updated_at,
  expiresAt: row.expires_at,
});
