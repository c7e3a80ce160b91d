import type { ProviderId } from './provider.ts';
import type { Purpose } from './purpose.ts';

/** Where a file is asked to go: Waybill's choice, or the named providers, which may be none. */
export type Destination =
  | { readonly kind: 'auto' }
  | { readonly kind: 'named'; readonly providers: readonly ProviderId[] };

/** What a client wants done with a file, checked. */
export interface UploadOptions {
  readonly purpose: Purpose;
  readonly destination: Destination;
  /** How long the file is kept after it was received; null keeps it. */
  readonly expiresAfterMs: number | null;
}

/**
 * How files come in: a form, a raw body, tus, a path of the gateway's own disk, a URL that was given out, or the digest of
 * bytes that are here.
 */
export const receivedVias = ['form', 'raw', 'tus', 'path', 'url', 'digest'] as const;
export type ReceivedVia = (typeof receivedVias)[number];

/** A file on its way in, whatever the protocol. */
export interface Incoming {
  readonly via: ReceivedVia;
  /** Clean (see `core/filename.ts`). */
  readonly filename: string;
  readonly mediaType: string;
  /** The size, where the protocol announces it before the bytes. */
  readonly sizeBytes: number | null;
  /** Where it is not announced: what the size will be unless the body turns out otherwise. */
  readonly likelySizeBytes?: number | null;
  /** The client's `Idempotency-Key`: a repeated request is answered with the file of the first. */
  readonly idempotencyKey: string | null;
  /** The bytes, once. Rejects with a `GatewayError` when the client's body is broken or ends early. */
  readonly body: AsyncIterable<Buffer>;
  /** The options as far as they are known before the bytes; the last word is `finalOptions`. */
  readonly options: UploadOptions;
  /** The options once the body has been read to its end: fields of a form may follow the file. */
  readonly finalOptions: () => UploadOptions;
}
