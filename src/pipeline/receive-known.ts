import { GatewayError } from '../core/errors.ts';
import type { UploadOptions } from '../core/incoming.ts';
import { findBytes } from '../tracking/files.ts';
import { chooseRoute } from './choose-route.ts';
import { deliverAll } from './deliver-directly.ts';
import type { Dependencies } from './dependencies.ts';
import { discard, newPlace, type Received } from './reception.ts';
import { recordFile } from './record-file.ts';

/** A file whose bytes its owner has here already, as another file. */
export interface KnownFile {
  readonly owner: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Clean (see `core/filename.ts`). */
  readonly filename: string;
  readonly mediaType: string;
  readonly options: UploadOptions;
}

/**
 * Makes a file of bytes that the owner has here already, without a byte being sent. Rejects with `not_found` when the
 * owner has none like it, whatever others have, with `quota_exceeded` and `no_provider_accepts`, and with
 * `type_mismatch` or `type_not_allowed` when name or type do not fit what the bytes were found to be.
 */
export const receiveKnown = async (dependencies: Dependencies, known: KnownFile): Promise<Received> => {
  const { database, blobs, content, quotas, metrics, log } = dependencies;
  const { owner, filename, sizeBytes, options } = known;
  const twin = await findBytes(database, known);
  if (twin === null) {
    const message = 'You have no file of these bytes here; send them.';
    throw new GatewayError('not_found', message, { param: 'sha256' });
  }
  const mediaType = content.fits(twin.mediaType, known);
  const routed = await chooseRoute(dependencies, { filename, sizeBytes, ...options });
  const wholeAt = performance.now();
  const place = newPlace();
  const { sha256 } = twin;
  const room = await quotas.reserve({ id: place.fileId, owner, sizeBytes });
  try {
    await blobs.copy(twin.blobKey, place.blobKey);
    const facts = { owner, filename, mediaType, sizeBytes, sha256 };
    const recorded = await recordFile(dependencies, { ...place, ...facts, options, routed, early: [] });
    room.forget();
    await blobs.keep(place.blobKey);
    metrics.receptions.ended('digest', 'known');
    log.info({ event: 'file_known', file: place.fileId, owner, bytes: sizeBytes });
    return {
      ...recorded,
      delivered: deliverAll(dependencies, recorded, { early: [], bytes: null, wholeAt }),
    };
  } catch (error) {
    await room.release().catch(() => undefined);
    await discard(dependencies, place.blobKey);
    throw error;
  }
};
