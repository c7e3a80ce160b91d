import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { GatewayError } from '../core/errors.ts';
import type { Incoming, UploadOptions } from '../core/incoming.ts';
import { mediaTypeOf } from '../ingest/media-type.ts';
import { transact } from '../platform/database.ts';
import { traced } from '../platform/tracing.ts';
import {
  claimUploadUrl,
  deleteEndedUploadUrls,
  findUploadUrl,
  insertUploadUrl,
  releaseUploadUrl,
  releaseUploadUrlsOf,
  renewUploadUrlClaim,
  type TrackedUploadUrl,
  type UploadUrlClaim,
  useUploadUrl,
} from '../tracking/upload-urls.ts';
import type { Dependencies } from './dependencies.ts';
import { receiveFile } from './receive-file.ts';
import { type Received, refuseBeforehand } from './reception.ts';

/** Addresses that take one file each without a token, for minutes, on behalf of whoever asked for them. */
export interface UploadUrls {
  /**
   * Makes an address. Rejects with what is wrong with what is announced, or with `rate_limited` when the owner has too
   * many that are open.
   */
  create(wanted: WantedUploadUrl): Promise<CreatedUploadUrl>;
  /**
   * What an address takes. Rejects with `not_found` when its secret is wrong as when there is none, with
   * `upload_url_used` and with `upload_expired`.
   */
  admit(id: string, secret: string): Promise<TrackedUploadUrl>;
  /**
   * Takes the file in, as `Pipeline.receive` does, and ends the address with it. The address can be used again when
   * nothing is kept. Rejects with `upload_url_used` when another upload has it.
   */
  receive(url: TrackedUploadUrl, incoming: Incoming): Promise<Received>;
}

interface WantedUploadUrl {
  readonly owner: string;
  /** Clean (see `core/filename.ts`). */
  readonly filename: string;
  /** Null: what the upload says. */
  readonly mediaType: string | null;
  /** Null: any size that is accepted. */
  readonly sizeBytes: number | null;
  readonly options: UploadOptions;
  readonly ttlMs: number;
}

export interface CreatedUploadUrl {
  readonly url: TrackedUploadUrl;
  /** For the address, and for nothing and nobody else; kept nowhere. */
  readonly secret: string;
}

const MAX_OPEN = 100;
/** Longer than a renewal can be late, and short enough to wait out when another instance has died. */
const LEASE_MS = 60_000;
const RENEW_EVERY_MS = 15_000;
const COLLECT_EVERY_MS = 30_000;
/** For so long an address that has ended is told from one that never was. */
export const KEEP_ENDED_MS = 3_600_000;
/** As many bits as the digest that it is known by. */
const SECRET_BYTES = 32;
const UNKNOWN_SHA256 = '0'.repeat(64);

/**
 * Gives back what this installation held when it died, and collects what has ended until the gateway stops. To be called
 * once, before requests are taken.
 */
export const openUploadUrls = async (dependencies: Dependencies): Promise<UploadUrls> => {
  const { database, installation, stopping, tracing, log } = dependencies;
  await releaseUploadUrlsOf(database, installation);
  const collecting = setInterval(() => {
    deleteEndedUploadUrls(database, KEEP_ENDED_MS).catch((error: unknown) =>
      log.warn({ event: 'upload_urls_not_collected', err: error }),
    );
  }, COLLECT_EVERY_MS).unref();
  stopping.addEventListener('abort', () => clearInterval(collecting), { once: true });

  return {
    create: (wanted) => create(dependencies, wanted),
    admit: async (id, secret) => {
      const url = await findUploadUrl(database, id);
      const isRight = isSame(sha256(secret), url?.secretSha256 ?? UNKNOWN_SHA256);
      if (url === null || !isRight) throw noUploadUrl();
      if (url.fileId !== null || url.isClaimed) throw used(url);
      if (url.isExpired) throw expired();
      return url;
    },
    receive: (url, incoming) =>
      traced(tracing, ['receive', { via: 'url' }], () => receive(dependencies, url, incoming)),
  };
};

const create = async (dependencies: Dependencies, wanted: WantedUploadUrl): Promise<CreatedUploadUrl> => {
  const { database, log } = dependencies;
  const mediaType = wanted.mediaType ?? mediaTypeOf(undefined, wanted.filename);
  await refuseBeforehand(dependencies, { ...wanted, mediaType });
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  const id = `upurl-${randomBytes(12).toString('hex')}`;
  const facts = { ...wanted, id, secretSha256: sha256(secret) };
  const made = await transact(database, (trx) => insertUploadUrl(trx, facts, MAX_OPEN));
  if ('fullUntil' in made) {
    const retryAfterMs = Math.max(1_000, made.fullUntil.getTime() - Date.now());
    const message = `You have ${MAX_OPEN} upload URLs that are not used; use some, or wait until they expire.`;
    throw new GatewayError('rate_limited', message, { retryAfterMs });
  }
  log.info({ event: 'upload_url_created', upload_url: id, owner: made.owner });
  return { url: made, secret };
};

const receive = async (
  dependencies: Dependencies,
  url: TrackedUploadUrl,
  incoming: Incoming,
): Promise<Received> => {
  const { database, installation, log } = dependencies;
  const claim: UploadUrlClaim = { id: url.id, claim: randomUUID() };
  if (!(await claimUploadUrl(database, { ...claim, by: installation, leaseMs: LEASE_MS }))) {
    const now = await findUploadUrl(database, url.id);
    throw now === null || (now.isExpired && now.fileId === null && !now.isClaimed) ? expired() : used(now);
  }
  const renewing = setInterval(() => {
    renewUploadUrlClaim(database, { ...claim, leaseMs: LEASE_MS }).catch((error: unknown) =>
      log.warn({ event: 'upload_url_not_renewed', upload_url: url.id, err: error }),
    );
  }, RENEW_EVERY_MS).unref();
  try {
    return await receiveFile(dependencies, url.owner, incoming, async (trx, fileId) => {
      if (!(await useUploadUrl(trx, { ...claim, fileId }))) throw used(url);
    });
  } catch (error) {
    // What a fault keeps from being given back now lapses.
    await releaseUploadUrl(database, claim).catch((fault: unknown) =>
      log.warn({ event: 'upload_url_not_released', upload_url: url.id, err: fault }),
    );
    throw error;
  } finally {
    clearInterval(renewing);
  }
};

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const isSame = (one: string, other: string): boolean => timingSafeEqual(Buffer.from(one), Buffer.from(other));

const noUploadUrl = (): GatewayError =>
  new GatewayError('not_found', 'There is no such upload URL; ask for a new one.');

const expired = (): GatewayError =>
  new GatewayError('upload_expired', 'This upload URL has expired; ask for a new one.');

const used = ({ fileId }: Pick<TrackedUploadUrl, 'fileId'>): GatewayError =>
  new GatewayError(
    'upload_url_used',
    fileId === null
      ? 'Another upload to this URL is running; only if that one fails it can be used again.'
      : 'This upload URL has been used; it takes one file. Ask for a new one.',
  );
