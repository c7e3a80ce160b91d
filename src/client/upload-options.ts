import type { ClientError } from './client-error.ts';
import type { ResumeStore } from './resume-store.ts';

/** A path or `file:` URL (Node only), a Blob or File, a stream, anything that yields bytes, or bytes that can be read again. */
export type UploadSource =
  | string
  | URL
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | RangedSource;

/** Bytes that can be read from any place, as often as it takes. */
export interface RangedSource {
  readonly sizeBytes: number;
  /** Changes when the bytes do; without it nothing is resumed once the process has ended. */
  readonly identity?: string;
  /** The bytes `[start, end)`, exactly. The client ends the iteration. */
  open(start: number, end: number): AsyncIterable<Uint8Array>;
}

/** How far an upload has come. */
export interface UploadProgress {
  /** What the network has taken, earlier tries included. Never falls, unless the gateway has lost what it had. */
  readonly sentBytes: number;
  /** Null while that is not known. */
  readonly totalBytes: number | null;
}

export interface UploadOptions {
  /** Default: that of the path or `File`. Anything else needs one. */
  readonly filename?: string | undefined;
  /** Default: that of the `Blob`; else the gateway goes by the name. */
  readonly mediaType?: string | undefined;
  /** Default `user_data`. */
  readonly purpose?: string | undefined;
  /** `auto` (default), `none`, or names; in one string with commas between. */
  readonly provider?: string | readonly string[] | undefined;
  /** The first call says where an earlier try got to. */
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined;
  /** Called before each wait after which it goes on by itself, with why. */
  readonly onWait?: ((waitMs: number, why: ClientError) => void) | undefined;
  /** Remembers where the upload got to, so that another process or page can go on with it. */
  readonly resume?: ResumeStore | undefined;
  /** Whether the gateway keeps what it has when `signal` aborts. Default: `keep` with `resume`, else `discard`. */
  readonly onAbort?: 'keep' | 'discard' | undefined;
  /** How long to go on trying without any progress. Default: the client's. */
  readonly patienceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Providers as the gateway reads them. */
export const providerText = (provider: UploadOptions['provider']): string | undefined =>
  typeof provider === 'string' ? provider : provider?.join(',');
