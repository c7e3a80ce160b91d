import { sql } from 'kysely';
import type { ProviderId } from '../core/provider.ts';
import type { Queryable } from '../platform/database.ts';
import { type NewFile, newFileRow } from './files.ts';
import { openQuota, reserveRoom } from './quotas.ts';

/** A copy of the earlier system, with the file that is made for it. It has no master copy here. */
export interface ImportedCopy {
  /** The earlier system's id of the row. */
  readonly importedFrom: string;
  /** It comes now, so that retention counts from its import: by its date there, the next cleanup could remove it. */
  readonly file: NewFile;
  readonly deliveryId: string;
  readonly provider: ProviderId;
  readonly account: string;
  readonly remoteId: string;
  readonly purpose: string;
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
}

/** Which of the earlier system's rows have been taken over, whatever has become of them. */
export const importedRows = async (db: Queryable, ids: readonly string[]): Promise<ReadonlySet<string>> => {
  const rows = await db
    .selectFrom('provider_file_uploads')
    .select('imported_from')
    .where('imported_from', '=', sql<string>`any(${ids})`)
    .execute();
  return new Set(rows.flatMap(({ imported_from: id }) => id ?? []));
};

/** Which of an account's files any record names, of copies that are gone too. */
export const namedCopies = async (
  db: Queryable,
  { provider, account }: { readonly provider: ProviderId; readonly account: string },
  remoteIds: readonly string[],
): Promise<ReadonlySet<string>> => {
  const rows = await db
    .selectFrom('provider_file_uploads')
    .select('provider_file_id')
    .where('provider', '=', provider)
    .where('account', '=', account)
    .where('provider_file_id', '=', sql<string>`any(${remoteIds})`)
    .execute();
  return new Set(rows.flatMap(({ provider_file_id: id }) => id ?? []));
};

/**
 * Records copies and their files, charged to their owners whatever their limits. To be called in a transaction, which
 * rejects as a whole when one has been recorded meanwhile.
 */
export const insertImported = async (trx: Queryable, copies: readonly ImportedCopy[]): Promise<void> => {
  const byOwner = [...Map.groupBy(copies, ({ file }) => file.owner)].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [owner, owned] of byOwner) {
    await openQuota(trx, owner);
    const limits = { bytes: null, files: null };
    const reservations = owned.map(({ file }) => file);
    await reserveRoom(trx, { owner, reservations, holder: 'upload', limits });
  }
  await trx
    .insertInto('files')
    .values(
      copies.map(({ file, importedFrom }) => ({
        ...newFileRow(file),
        purged_at: sql<Date>`now()`,
        imported_from: importedFrom,
      })),
    )
    .execute();
  await trx
    .insertInto('provider_file_uploads')
    .values(
      copies.map((copy) => ({
        id: copy.deliveryId,
        file_id: copy.file.id,
        provider: copy.provider,
        account: copy.account,
        provider_file_id: copy.remoteId,
        shares: null,
        purpose: copy.purpose,
        status: 'completed' as const,
        reason: 'Imported from the earlier system.',
        attempts: 1,
        bytes_sent: copy.file.sizeBytes,
        error_code: null,
        error_message: null,
        claimed_by: null,
        claimed_until: null,
        last_used_at: copy.lastUsedAt,
        expires_at: copy.expiresAt,
        imported_from: copy.importedFrom,
      })),
    )
    .execute();
};
