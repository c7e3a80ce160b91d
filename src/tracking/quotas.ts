import { type QueryCreator, type RawBuilder, sql } from 'kysely';
import { execute, type Queryable, type Run } from '../platform/database.ts';
import type { Tables } from '../platform/tables.ts';

/** What an owner may keep; null is no limit. */
export interface QuotaLimits {
  readonly bytes: number | null;
  readonly files: number | null;
}

/** What an owner may keep, keeps, and has been promised room for. */
export interface Quota {
  readonly owner: string;
  readonly bytes: Share;
  readonly files: Share;
}

interface Share {
  /** Null: none. */
  readonly limit: number | null;
  readonly used: number;
  /** For files that are still coming in. */
  readonly reserved: number;
}

/** Room for a file that is to come. */
export interface NewReservation {
  /** Of the file. */
  readonly id: string;
  readonly owner: string;
  readonly sizeBytes: number;
}

/** Who keeps a reservation alive: an installation, for as long as it says so again, or the row of the upload. */
export type ReservationHolder = { readonly installation: string; readonly ttlMs: number } | 'upload';

/** SQLSTATE of recording a file whose reservation is gone or too small. */
export const RESERVATION_LOST = 'WB001';

/** Lets an owner be charged from now on. */
export const openQuota = async (db: Queryable, owner: string): Promise<void> => {
  await db
    .insertInto('quotas')
    .values({ owner })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
};

/**
 * Charges an owner for several files and reserves their room, all or none. Answers with whether there was enough, which
 * there is not for an owner without an open quota. The owner's row stays locked until the transaction ends.
 */
export const reserveRoom = async (
  db: Queryable,
  {
    owner,
    reservations,
    holder,
    limits,
  }: {
    readonly owner: string;
    readonly reservations: readonly Omit<NewReservation, 'owner'>[];
    readonly holder: ReservationHolder;
    readonly limits: QuotaLimits;
  },
  run: Run = execute,
): Promise<boolean> => {
  const totalBytes = reservations.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const reserving = db
    .with('charged', (cte) => charging(cte, { owner, bytes: totalBytes, files: reservations.length, limits }))
    .insertInto('reservations')
    .columns(['id', 'owner', 'bytes', 'holder', 'expires_at'])
    .expression((eb) =>
      eb
        .selectFrom('charged')
        .innerJoin(unnested(reservations).as<'one'>(sql`one (id, bytes)`), (join) => join.onTrue())
        .select([
          'one.id',
          'charged.owner',
          'one.bytes',
          sql<string | null>`${holder === 'upload' ? null : holder.installation}::text`.as('holder'),
          expiry(holder).as('expires_at'),
        ]),
    )
    .returning('id');
  return (await run(reserving)).length === reservations.length;
};

/**
 * Makes a reservation cover at least `sizeBytes`. One that is there no more is made again. Answers with whether there was
 * enough room; to be called within a transaction.
 */
export const extendReservation = async (
  db: Queryable,
  { id, owner, sizeBytes }: NewReservation,
  { holder, limits }: { readonly holder: ReservationHolder; readonly limits: QuotaLimits },
): Promise<boolean> => {
  const held = await db
    .selectFrom('reservations')
    .select('bytes')
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  if (held === undefined)
    return reserveRoom(db, { owner, reservations: [{ id, sizeBytes }], holder, limits });
  const moreBytes = sizeBytes - held.bytes;
  if (moreBytes <= 0) return true;
  const charged = await charging(db, { owner, bytes: moreBytes, files: 0, limits }).executeTakeFirst();
  if (charged === undefined) return false;
  await db.updateTable('reservations').set({ bytes: sizeBytes }).where('id', '=', id).execute();
  return true;
};

/** Gives back what was reserved for files that did not come. Harmless when it was given back before. */
export const releaseReservations = (db: Queryable, ids: readonly string[]): Promise<number> =>
  release(db, sql<boolean>`id = any(${ids})`);

/** The same for those of an installation that has just started, and so receives nothing yet. */
export const releaseReservationsOf = (db: Queryable, installation: string): Promise<number> =>
  release(db, sql<boolean>`holder = ${installation}`);

/** The same for those that nobody has kept alive. */
export const releaseExpiredReservations = (db: Queryable): Promise<number> =>
  release(db, sql<boolean>`expires_at <= now()`);

/** Keeps reservations for another `ttlMs` from now. */
export const renewReservations = async (
  db: Queryable,
  ids: readonly string[],
  ttlMs: number,
): Promise<void> => {
  await db
    .updateTable('reservations')
    .set({ expires_at: inFuture(ttlMs) })
    .where('id', '=', sql<string>`any(${ids})`)
    .where('holder', 'is not', null)
    .execute();
};

/** What the owner may keep and keeps, as one look shows it. */
export const findQuota = async (db: Queryable, owner: string, limits: QuotaLimits): Promise<Quota> => {
  const row = await db
    .selectFrom((eb) =>
      eb
        .selectFrom('reservations')
        .select(({ fn }) => [
          sql<number>`coalesce(${fn.sum('bytes')}, 0)::bigint`.as('bytes'),
          fn.countAll<number>().as('files'),
        ])
        .where('owner', '=', owner)
        .as('reserved'),
    )
    .leftJoin('quotas', (join) => join.on('quotas.owner', '=', owner))
    .select(['limit_bytes', 'limit_files', 'charged_bytes', 'charged_files'])
    .select(['reserved.bytes as reserved_bytes', 'reserved.files as reserved_files'])
    .executeTakeFirstOrThrow();
  return {
    owner,
    bytes: {
      limit: limitOf(row.limit_bytes, limits.bytes),
      used: (row.charged_bytes ?? 0) - row.reserved_bytes,
      reserved: row.reserved_bytes,
    },
    files: {
      limit: limitOf(row.limit_files, limits.files),
      used: (row.charged_files ?? 0) - row.reserved_files,
      reserved: row.reserved_files,
    },
  };
};

/** Sets what an owner may keep. Undefined leaves a limit as it is, null makes it the configured one, 0 no limit. */
export const setQuotaLimits = async (
  db: Queryable,
  owner: string,
  {
    bytes,
    files,
  }: { readonly bytes?: number | null | undefined; readonly files?: number | null | undefined },
): Promise<void> => {
  const limits = {
    ...(bytes === undefined ? {} : { limit_bytes: bytes }),
    ...(files === undefined ? {} : { limit_files: files }),
  };
  await db
    .insertInto('quotas')
    .values({ owner, ...limits })
    .onConflict((conflict) => conflict.column('owner').doUpdateSet({ owner, ...limits }))
    .execute();
};

const limitOf = (own: number | null, configured: number | null): number | null => {
  if (own === null) return configured;
  return own === 0 ? null : own;
};

/** Charges the owner if that is within the limits; one row if so. */
const charging = (
  db: QueryCreator<Tables>,
  { owner, bytes, files, limits }: { owner: string; bytes: number; files: number; limits: QuotaLimits },
) => {
  const fits = (
    limit: RawBuilder<unknown>,
    charged: RawBuilder<unknown>,
    more: number,
  ): RawBuilder<boolean> => sql<boolean>`(${limit} = 0 or ${charged} + ${more} <= ${limit})`;
  return db
    .updateTable('quotas')
    .set((eb) => ({
      charged_bytes: eb('charged_bytes', '+', bytes),
      charged_files: eb('charged_files', '+', files),
    }))
    .where('owner', '=', owner)
    .where(fits(sql`coalesce(limit_bytes, ${limits.bytes ?? 0}::bigint)`, sql`charged_bytes`, bytes))
    .where(fits(sql`coalesce(limit_files, ${limits.files ?? 0}::bigint)`, sql`charged_files`, files))
    .returning('owner');
};

const release = async (db: Queryable, which: RawBuilder<boolean>): Promise<number> => {
  const released = await db
    .with('gone', (cte) => cte.deleteFrom('reservations').where(which).returning(['owner', 'bytes']))
    .with('sums', (cte) =>
      cte
        .selectFrom('gone')
        .select(({ fn }) => ['owner', fn.sum<number>('bytes').as('bytes'), fn.countAll<number>().as('files')])
        .groupBy('owner'),
    )
    .updateTable('quotas')
    .from('sums')
    .set((eb) => ({
      charged_bytes: eb('charged_bytes', '-', eb.ref('sums.bytes')),
      charged_files: eb('charged_files', '-', eb.ref('sums.files')),
    }))
    .whereRef('quotas.owner', '=', 'sums.owner')
    .returning('sums.files')
    .execute();
  return released.reduce((sum, { files }) => sum + files, 0);
};

const unnested = (reservations: readonly Omit<NewReservation, 'owner'>[]) => {
  const ids = reservations.map(({ id }) => id);
  const sizes = reservations.map(({ sizeBytes }) => sizeBytes);
  return sql<{ id: string; bytes: number }>`unnest(${ids}::text[], ${sizes}::bigint[])`;
};

const inFuture = (ms: number) => sql<Date>`now() + ${ms} * interval '1 millisecond'`;

const expiry = (holder: ReservationHolder) =>
  holder === 'upload'
    ? sql<Date | null>`null::timestamptz`
    : sql<Date | null>`now() + ${holder.ttlMs} * interval '1 millisecond'`;
