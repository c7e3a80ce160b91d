import type { Purpose } from './purpose.ts';

/**
 * The port to a model provider's Files API. An adapter translates, nothing else: it does not retry, wait,
 * log or decide. `test/conformance` holds every adapter to this contract:
 *
 * - PRV-01 `upload` sends the bytes of `open()` unchanged, once, with the size announced, after the small fields and
 *   under any file name.
 * - PRV-02 No byte is opened more than once per `upload`; a retry is a new `upload` that opens again. However the upload
 *   ends, so does every iteration. What the source fails with comes through unchanged; a source shorter or longer than
 *   `sizeBytes` fails, and nothing is stored. A slow source is not timed.
 * - PRV-03 `upload` reports progress as bytes taken by the network; it never falls, and ends at `sizeBytes`.
 * - PRV-04 Aborting `signal` ends the request and rejects with the signal's reason. A piece that the source is still
 *   waiting for is not waited for; the iteration is ended once it comes.
 * - PRV-05 Removing a file that is not there succeeds, when the provider says so itself: a wrong address or a proxy's
 *   404 is a failure, and so is an answer that does not say the file is gone.
 * - PRV-06 Every failure of a provider is a `GatewayError` of a `provider_*` code, or `not_found` for a file that it
 *   does not have, whose `retry` says whether to try again. It comes within the timeouts. An answer that is not
 *   understood is `provider_unavailable`. Redirects are not followed. Where the file may be stored all the same, because
 *   the answer was lost, not understood or a 5xx after the last byte had gone, the error's `outcome` is `unknown`.
 * - PRV-07 No error message, no cause and no `detail` contains a credential or more than a short, cleaned part of the
 *   provider's text.
 * - PRV-08 Capabilities are data, and true: what they claim works, what they do not claim is refused.
 * - PRV-09 A list has every file once, or fails: it never breaks off in silence, and always ends.
 */
export interface Provider {
  readonly id: ProviderId;
  /** Names the account behind the key without revealing it; the same key gives the same name. */
  readonly account: string;
  /** True when an emulator stands in because no key is configured. */
  readonly emulated: boolean;
  readonly capabilities: Capabilities;
  upload(request: ProviderUpload): Promise<RemoteFile>;
  /** Rejects with `not_found` when the provider does not have the file. */
  retrieve(remoteId: string, options: CallOptions): Promise<RemoteFile>;
  /** Every file of the account, once, page after page as the iteration asks for them. */
  list(options: CallOptions): AsyncIterable<RemoteFile>;
  /** What the provider returns for the file (extracted text, or nothing it offers: `content_unavailable`). */
  content(remoteId: string, options: CallOptions): Promise<ProviderContent>;
  remove(remoteId: string, options: CallOptions): Promise<void>;
}

export const providerIds = ['kimi', 'glm', 'openai', 'gemini', 'anthropic', 'mistral'] as const;
export type ProviderId = (typeof providerIds)[number];

export const isProviderId = (value: string): value is ProviderId =>
  (providerIds as readonly string[]).includes(value);

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface ProviderUpload extends CallOptions {
  readonly filename: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** A purpose of the provider's own vocabulary (see `Capabilities.purposes`). */
  readonly purpose: string;
  /** Opens the bytes, all of them or those of a range. The adapter ends the iteration. */
  readonly open: (range?: ByteRange) => AsyncIterable<Buffer>;
  /** Where a protocol of several requests keeps what it needs to go on after an interruption. */
  readonly session?: UploadSession;
  /** Called with the total of bytes handed to the network so far. */
  readonly onProgress?: (bytesSent: number) => void;
}

export interface ByteRange {
  /** First byte. */
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
}

/** The state of an upload that takes several requests, kept with the delivery from one attempt to the next. */
export interface UploadSession {
  /** What the last attempt saved; null at the first, and after one that ended the protocol. */
  readonly state: unknown;
  /** Keeps a JSON value, which may hold a credential of the upload's own; null when there is nothing to go on with. */
  save(state: unknown): Promise<void>;
}

/** A file as the provider describes it. Fields the provider leaves out are null. */
export interface RemoteFile {
  readonly id: string;
  readonly filename: string | null;
  readonly sizeBytes: number | null;
  readonly purpose: string | null;
  readonly createdAt: Date | null;
  readonly expiresAt: Date | null;
  readonly state: 'processing' | 'ready' | 'failed';
  readonly detail: string | null;
}

export interface ProviderContent {
  readonly mediaType: string;
  /** The caller must read it to the end or end the iteration. */
  readonly body: AsyncIterable<Buffer>;
}

/** What a provider takes and how, as data that routing, the API and the documentation read. Sizes in bytes. */
export interface Capabilities {
  readonly maxFileBytes: number;
  readonly maxFiles: number | null;
  readonly maxTotalBytes: number | null;
  /** What it takes for each of our purposes. A purpose without an entry is not accepted. */
  readonly purposes: Readonly<Partial<Record<Purpose, AcceptedPurpose>>>;
  /** Until the provider deletes a file on its own; null when it keeps files until deleted. */
  readonly lifetimeMs: number | null;
  /** The unit in which bytes are streamed to the provider and progress is recorded. */
  readonly chunkBytes: number;
  /** What `content` gives: the text the provider extracted, or nothing. */
  readonly content: 'extracted-text' | 'none';
  /** The provider answers an upload of bytes that it has with the id of the file that it has, whoever sent it. */
  readonly recognisesBytes?: true;
  /** How many uploads to this provider may run at once from one instance. */
  readonly concurrency: number;
}

/** What a provider makes of one of our purposes. */
export interface AcceptedPurpose {
  /** The provider's own word for it; `file` where it knows no purposes, and then it is neither sent nor told. */
  readonly purpose: string;
  /** Lower-case file name extensions without the dot; null when the provider names none. */
  readonly extensions: ReadonlySet<string> | null;
}
