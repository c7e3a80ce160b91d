import { GatewayError } from '../core/errors.ts';
import { pipeline, type Queryable, transact } from '../platform/database.ts';
import { createGroupCommit } from '../platform/group-commit.ts';
import {
  extendReservation,
  findQuota,
  type NewReservation,
  openQuota,
  type Quota,
  type QuotaLimits,
  type ReservationHolder,
  releaseExpiredReservations,
  releaseReservations,
  renewReservations,
  reserveRoom,
} from '../tracking/quotas.ts';
import type { Dependencies } from './dependencies.ts';

export type { Quota };

/** Room that is kept for one file while it comes in. It ends by itself with the file's record. */
export interface Reservation {
  /** How large the file may become before `cover` has to be asked. */
  readonly coveredBytes: number;
  /** Makes room for a file of at least this size. Rejects with `quota_exceeded`. */
  cover(sizeBytes: number): Promise<void>;
  /** To be called once the file is recorded, or its upload left to be gone on with. */
  forget(): void;
  /** Gives the room back, as far as it is not an upload's, which goes with the upload. Idempotent. */
  release(): Promise<void>;
}

/** What each owner may keep, and the room promised to files that are coming in. */
export interface Quotas {
  /** Charges the owner before any byte. Rejects with `quota_exceeded`, and when the record cannot be written. */
  reserve(file: NewReservation): Promise<Reservation>;
  /** Charges the owner for an upload that is recorded in the same transaction, and has the room for as long as it is there. */
  reserveForUpload(trx: Queryable, file: NewReservation): Promise<void>;
  /** The room of an upload that is on record with this size; 0 when that is not known. */
  ofUpload(file: NewReservation): Reservation;
  /** Makes the reservation of a file cover this size, anew if it has lapsed. Rejects with `quota_exceeded`. */
  cover(file: NewReservation): Promise<void>;
  find(owner: string): Promise<Quota>;
  /** Keeps the reservations of this process alive, and gives back those of processes that have died. */
  tend(): Promise<void>;
}

/** A process that has not said for as long that it goes on has died. */
const LEASE_MS = 120_000;
/** Of a file whose size is not known, room is reserved in steps. */
const STEP_BYTES = 16 * 2 ** 20;

export interface QuotasOptions extends Pick<Dependencies, 'database' | 'installation'> {
  /** Of those who have no limits of their own. */
  readonly limits: QuotaLimits;
  /** Told which limit refused something. */
  readonly onRefusal?: (limit: 'bytes' | 'files') => void;
}

export const createQuotas = ({ database, installation, limits, onRefusal }: QuotasOptions): Quotas => {
  const holder = { installation, ttlMs: LEASE_MS };
  /** What this process has to keep alive. */
  const held = new Set<string>();

  const refusal = async ({ owner, sizeBytes }: Omit<NewReservation, 'id'>): Promise<GatewayError> => {
    const { bytes, files } = await findQuota(database, owner, limits);
    const areBytesShort = bytes.limit !== null && bytes.used + bytes.reserved + sizeBytes > bytes.limit;
    const { limit, used, reserved } = areBytesShort ? bytes : files;
    const unit = areBytesShort ? 'bytes' : 'files';
    onRefusal?.(unit);
    const promised = reserved > 0 ? ` and ${reserved} ${unit} of uploads that are not complete` : '';
    const message = `Your quota is ${limit} ${unit}; you keep ${used}${promised}, and this does not fit. Delete files or ask for more.`;
    return new GatewayError('quota_exceeded', message, { param: 'file' });
  };

  const reserveEach = createGroupCommit((files: readonly NewReservation[]) =>
    pipeline(
      database,
      async ({ send, commit }) => {
        // In the order of owners, so that nobody waits in a circle.
        const owners = [...Map.groupBy(files, ({ owner }) => owner)].sort(([one], [other]) =>
          one < other ? -1 : 1,
        );
        const asked = owners.map(async ([owner, reservations]) => {
          const isThere = await reserveRoom(database, { owner, reservations, holder, limits }, send);
          return [owner, isThere] as const;
        });
        const [answers] = await Promise.all([Promise.all(asked), commit()]);
        const fits = new Map(answers);
        return files.map(({ owner }) => fits.get(owner) === true);
      },
      // It becomes durable with the record of its file, which it has to precede in the log.
      { isDurable: false },
    ),
  );

  /** Together with others of the owner; by itself if all do not fit, or the owner has had nothing here before. */
  const reserveOne = async (file: NewReservation): Promise<boolean> =>
    (await reserveEach(file)) || (await transact(database, (trx) => open(trx, file, holder)));

  const open = async (trx: Queryable, file: NewReservation, by: ReservationHolder): Promise<boolean> => {
    await openQuota(trx, file.owner);
    return reserveRoom(trx, { owner: file.owner, reservations: [file], holder: by, limits });
  };

  const extend = async (file: NewReservation, by: ReservationHolder): Promise<boolean> =>
    transact(database, (trx) => extendReservation(trx, file, { holder: by, limits }));

  const reservation = (file: NewReservation, by: ReservationHolder): Reservation => {
    const { id, owner } = file;
    let coveredBytes = file.sizeBytes;
    if (by !== 'upload') held.add(id);
    return {
      get coveredBytes() {
        return coveredBytes;
      },
      cover: async (sizeBytes) => {
        for (const wantedBytes of [Math.max(sizeBytes, coveredBytes + STEP_BYTES), sizeBytes]) {
          if (!(await extend({ id, owner, sizeBytes: wantedBytes }, by))) continue;
          coveredBytes = wantedBytes;
          return;
        }
        throw await refusal({ owner, sizeBytes: sizeBytes - coveredBytes });
      },
      forget: () => void held.delete(id),
      release: async () => {
        if (held.delete(id)) await releaseReservations(database, [id]);
      },
    };
  };

  return {
    reserve: async (file) => {
      if (!(await reserveOne(file))) throw await refusal(file);
      return reservation(file, holder);
    },
    reserveForUpload: async (trx, file) => {
      if (!(await open(trx, file, 'upload'))) throw await refusal(file);
    },
    ofUpload: (file) => reservation(file, 'upload'),
    cover: async (file) => {
      if (!(await extend(file, holder))) throw await refusal(file);
    },
    find: (owner) => findQuota(database, owner, limits),
    tend: async () => {
      if (held.size > 0) await renewReservations(database, [...held], LEASE_MS);
      await transact(database, releaseExpiredReservations);
    },
  };
};

const TEND_EVERY_MS = 30_000;

/** Tends reservations now and again until the gateway stops. */
export const tendReservations = ({
  quotas,
  stopping,
  log,
}: Pick<Dependencies, 'quotas' | 'stopping' | 'log'>): void => {
  const timer = setInterval(() => {
    quotas.tend().catch((error: unknown) => log.warn({ event: 'reservations_not_tended', err: error }));
  }, TEND_EVERY_MS).unref();
  stopping.addEventListener('abort', () => clearInterval(timer), { once: true });
};
