import { sql } from 'kysely';
import type { Queryable } from '../platform/database.ts';

export interface IdempotentRequest {
  readonly owner: string;
  readonly key: string;
  /** The file that the request is about to make; its row must be there. */
  readonly fileId: string;
}

/**
 * Takes a client's key for a file and answers with the file that has it: this one, or the one of an earlier request
 * with the same key in the last 24 hours. Of two requests at once, the second waits for the first to commit.
 */
export const claimIdempotencyKey = async (
  db: Queryable,
  { owner, key, fileId }: IdempotentRequest,
): Promise<string> => {
  const claimed = await db
    .insertInto('idempotency_keys')
    .values({ owner, key, file_id: fileId })
    .onConflict((conflict) =>
      conflict
        .columns(['owner', 'key'])
        .doUpdateSet({ file_id: fileId, created_at: sql<Date>`now()` })
        .where('idempotency_keys.created_at', '<', sql<Date>`now() - interval '24 hours'`),
    )
    .returning('file_id')
    .executeTakeFirst();
  if (claimed !== undefined) return claimed.file_id;
  const earlier = await db
    .selectFrom('idempotency_keys')
    .select('file_id')
    .where('owner', '=', owner)
    .where('key', '=', key)
    .executeTakeFirstOrThrow();
  return earlier.file_id;
};
