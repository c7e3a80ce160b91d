import { GatewayError } from '../core/errors.ts';
import type { Incoming } from '../core/incoming.ts';
import type { Queryable } from '../platform/database.ts';
import { findFile } from '../tracking/files.ts';
import { claimIdempotencyKey } from '../tracking/idempotency-keys.ts';
import type { Dependencies } from './dependencies.ts';
import { meterRefusal } from './meter-reception.ts';
import { beginReception, type Received, type Reception } from './reception.ts';
import { RepeatedRequestError } from './repeated-request.ts';

/** What else is to be true together with a file, and undoes it by rejecting. */
type Alongside = (trx: Queryable, fileId: string) => Promise<void>;

/**
 * Takes a file in that comes in one request. Resolves once it is safe: bytes and name synced, rows and jobs committed;
 * the deliveries then go on by themselves. Rejects with a `GatewayError` and keeps nothing when the body is broken,
 * empty or too large, or when no provider asked for accepts it. A repeated request is answered with the file of the
 * first.
 */
export const receiveFile = async (
  dependencies: Dependencies,
  owner: string,
  incoming: Incoming,
  alongside?: Alongside,
): Promise<Received> => {
  const reception = await meterRefusal(dependencies.metrics.receptions, incoming.via, () =>
    beginReception(dependencies, { ...incoming, owner }),
  );
  try {
    return await takeIn(reception, owner, incoming, alongside);
  } catch (error) {
    await reception.abort();
    if (error instanceof RepeatedRequestError) return await repeat(dependencies, owner, incoming, error);
    throw error;
  }
};

const takeIn = async (
  reception: Reception,
  owner: string,
  { body, finalOptions, idempotencyKey: key }: Incoming,
  also: Alongside | undefined,
): Promise<Received> => {
  for await (const chunk of body) await reception.write(chunk);
  const { fileId } = reception;
  const alongside =
    key === null && also === undefined
      ? undefined
      : async (trx: Queryable, sha256: string): Promise<void> => {
          await also?.(trx, fileId);
          const winner = key === null ? fileId : await claimIdempotencyKey(trx, { owner, key, fileId });
          if (winner !== fileId) throw new RepeatedRequestError(winner, sha256);
        };
  return await reception.commit({ options: finalOptions(), alongside });
};

const repeat = async (
  { database }: Dependencies,
  owner: string,
  { filename }: Incoming,
  { fileId, sha256 }: RepeatedRequestError,
): Promise<Received> => {
  const first = await findFile(database, owner, fileId);
  if (first?.file.sha256 === sha256 && first.file.filename === filename)
    return { ...first, delivered: Promise.resolve(null) };
  const what = first === null ? 'a file that has been deleted since' : 'another file in the last 24 hours';
  const message = `The Idempotency-Key was used for ${what}; use a new key for each file.`;
  throw new GatewayError('idempotency_conflict', message, { param: 'Idempotency-Key' });
};
