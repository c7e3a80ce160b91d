import type { ColumnType, Generated } from 'kysely';
import type { ErrorCode } from '../core/errors.ts';
import type { DeliveryStatus, Doubt, FileStatus } from '../core/file.ts';
import type { UploadOptions } from '../core/incoming.ts';
import type { ProviderId } from '../core/provider.ts';

/** The tables as `migrations/` makes them. */
export interface Tables {
  files: FilesTable;
  provider_file_uploads: ProviderFileUploadsTable;
  idempotency_keys: IdempotencyKeysTable;
  uploads: UploadsTable;
  audit: AuditTable;
  upload_urls: UploadUrlsTable;
  quotas: QuotasTable;
  reservations: ReservationsTable;
  auth_graces: AuthGracesTable;
  restored: RestoredTable;
  passes: PassesTable;
  retention_witness: RetentionWitnessTable;
}

interface FilesTable {
  id: string;
  owner: string;
  filename: string;
  media_type: string;
  bytes: number;
  sha256: string;
  purpose: string;
  status: FileStatus;
  status_details: string | null;
  blob_key: string;
  created_at: Generated<Date>;
  expires_at: Date | null;
  deleted_at: Date | null;
  purged_at: ColumnType<Date | null, Date | null | undefined, Date | null>;
  imported_from: ColumnType<string | null, string | null | undefined, never>;
}

interface IdempotencyKeysTable {
  owner: string;
  key: string;
  file_id: string;
  created_at: Generated<Date>;
}

interface UploadsTable {
  id: string;
  owner: string;
  filename: string;
  media_type: string;
  options: ColumnType<UploadOptions, string, never>;
  length: number | null;
  blob_key: string;
  metadata: string | null;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
  expires_at: Date;
  writer: ColumnType<string | null, never, string | null>;
  busy_until: ColumnType<Date | null, never, Date | null>;
  is_wanted: Generated<boolean>;
  taken_from: ColumnType<string | null, never, string | null>;
  saved_bytes: ColumnType<number | null, never, number | null>;
}

interface UploadUrlsTable {
  id: string;
  owner: string;
  secret_sha256: string;
  filename: string;
  media_type: string | null;
  bytes: number | null;
  options: ColumnType<UploadOptions, string, never>;
  created_at: Generated<Date>;
  expires_at: Date;
  claim: string | null;
  claimed_by: string | null;
  claimed_until: Date | null;
  file_id: string | null;
}

interface AuditTable {
  id: Generated<number>;
  at: Date;
  owner: string | null;
  action: string;
  file_id: string | null;
  status: number;
  error_code: ErrorCode | null;
  request_id: string;
  address: string | null;
  count: Generated<number>;
}

interface QuotasTable {
  owner: string;
  limit_bytes: number | null;
  limit_files: number | null;
  charged_bytes: Generated<number>;
  charged_files: Generated<number>;
}

interface ReservationsTable {
  id: string;
  owner: string;
  bytes: number;
  holder: string | null;
  expires_at: Date | null;
}

interface AuthGracesTable {
  until: Date;
  opened_at: Date;
  latest_at: Date;
}

interface RestoredTable {
  the_one: Generated<boolean>;
  at: Generated<Date>;
}

interface PassesTable {
  id: string;
  kind: 'cleanup' | 'reconcile';
  is_dry_run: boolean;
  is_forced: boolean;
  status: 'running' | 'completed' | 'stopped' | 'failed';
  message: string | null;
  report: ColumnType<unknown, string | null | undefined, string | null>;
  run: string | null;
  runs: Generated<number>;
  alive_at: Generated<Date>;
  started_at: Generated<Date>;
  ended_at: Date | null;
}

interface RetentionWitnessTable {
  the_one: Generated<boolean>;
  at: Date;
}

interface ProviderFileUploadsTable {
  id: string;
  file_id: string;
  provider: ProviderId;
  account: string;
  provider_file_id: string | null;
  shares: string | null;
  purpose: string;
  status: DeliveryStatus;
  reason: string;
  attempts: ColumnType<number, number | undefined, number>;
  looks: ColumnType<number, number | undefined, number>;
  bytes_sent: ColumnType<number, number | undefined, number>;
  error_code: ErrorCode | null;
  error_message: string | null;
  session: ColumnType<unknown, string | null | undefined, string | null>;
  doubt: ColumnType<Doubt, Doubt | undefined, Doubt>;
  /** The installation that is sending it, so that its next start can take up what a crash cut short. */
  claimed_by: string | null;
  claimed_until: Date | null;
  last_used_at: Date | null;
  removed_at: ColumnType<Date | null, never, Date | null>;
  imported_from: ColumnType<string | null, string | null | undefined, never>;
  wanted_at: Generated<Date>;
  /** Not to be tried before. Null: at once. */
  due_at: ColumnType<Date | null, never, Date | null>;
  expires_at: Date | null;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
}
