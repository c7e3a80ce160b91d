import type { ProviderId } from '../core/provider.ts';
import type { Queryable } from '../platform/database.ts';

/** What the record says of one account at a provider. */
export interface AccountUse {
  readonly provider: ProviderId;
  readonly account: string;
  readonly files: number;
  readonly bytes: number;
  readonly lastCompletedAt: Date | null;
}

/** What one account holds, with what is being sent to it, or may be there after a lost answer, counted as held. */
export const accountUse = async (
  db: Queryable,
  { id, account }: { id: ProviderId; account: string },
): Promise<Pick<AccountUse, 'files' | 'bytes'>> => {
  const row = await db
    .selectFrom('provider_file_uploads')
    .innerJoin('files', 'files.id', 'provider_file_uploads.file_id')
    .select(({ fn }) => [fn.countAll<number>().as('files'), fn.sum<string | null>('files.bytes').as('bytes')])
    .where('provider_file_uploads.provider', '=', id)
    .where('provider_file_uploads.account', '=', account)
    .where(({ or, eb }) =>
      or([
        eb('provider_file_uploads.provider_file_id', 'is not', null),
        eb('provider_file_uploads.status', '=', 'uploading'),
        eb('provider_file_uploads.status', 'in', ['pending', 'deleting']).and(
          'provider_file_uploads.doubt',
          '<>',
          'none',
        ),
      ]),
    )
    .where('provider_file_uploads.status', '<>', 'deleted')
    .executeTakeFirstOrThrow();
  return { files: row.files, bytes: Number(row.bytes ?? 0) };
};

/** Copies held now, by provider and account, as far as they are ours. */
export const useByAccount = async (db: Queryable): Promise<readonly AccountUse[]> => {
  const rows = await db
    .selectFrom('provider_file_uploads')
    .innerJoin('files', 'files.id', 'provider_file_uploads.file_id')
    .select(({ fn }) => [
      'provider_file_uploads.provider',
      'provider_file_uploads.account',
      fn.countAll<number>().as('files'),
      fn.sum<string>('files.bytes').as('bytes'),
      fn.max('provider_file_uploads.updated_at').as('last_completed_at'),
    ])
    .where('provider_file_uploads.provider_file_id', 'is not', null)
    .where('provider_file_uploads.status', 'in', ['processing', 'completed', 'deleting'])
    .groupBy(['provider_file_uploads.provider', 'provider_file_uploads.account'])
    .execute();
  return rows.map((row) => ({
    provider: row.provider,
    account: row.account,
    files: row.files,
    bytes: Number(row.bytes),
    lastCompletedAt: row.last_completed_at,
  }));
};
