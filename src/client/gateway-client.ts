import type { EventObject } from '../api/event-object.ts';
import type { FileObject } from '../api/file-object.ts';
import type { ProviderObject } from '../api/provider-object.ts';
import type { QuotaObject } from '../api/quota-object.ts';
import type { StatisticsObject } from '../api/statistics-object.ts';
import type { UploadUrlObject } from '../api/upload-url-object.ts';
import { type Caller, createCaller } from './caller.ts';
import { type EventQuery, events } from './events.ts';
import { createFiles, type Files, filePathOf, type Wait } from './files.ts';
import { createPasses, type Passes } from './passes.ts';
import type { Platform } from './platform.ts';
import { isFileObject, isProviderList, isQuotaObject, isUploadUrl } from './recognise.ts';
import { type Settling, settled } from './settled.ts';
import { readStatistics, type StatisticsQuery } from './statistics.ts';
import { isBegun, upload } from './upload.ts';
import { type KnownUpload, uploadKnown } from './upload-known.ts';
import { providerText, type RangedSource, type UploadOptions, type UploadSource } from './upload-options.ts';

export interface WaybillOptions {
  /** The gateway's address, with or without a path in front of `/v1`. */
  readonly url: string;
  /** A token, or what gives one that is still good each time it is asked. */
  readonly token: string | (() => Promise<string>);
  /**
   * How long a call waits in all where the gateway says when to come back, and an upload goes on trying without any
   * progress. Default: 2 minutes.
   */
  readonly patienceMs?: number | undefined;
}

export interface WantedUploadUrl extends Wait {
  readonly filename: string;
  /** The URL takes exactly so many. Default: any size that is accepted. */
  readonly sizeBytes?: number | undefined;
  /** The URL takes this type only. Default: what is sent with the bytes. */
  readonly mediaType?: string | undefined;
  readonly provider?: string | readonly string[] | undefined;
  readonly purpose?: string | undefined;
  /** From 60 to 3,600; default 900. */
  readonly ttlSeconds?: number | undefined;
}

/**
 * The HTTP API of a gateway, typed. Everything rejects with `ClientError`, or with the reason of `signal` once that is
 * aborted. Whoever makes one closes it. Nothing is sent before the first call.
 */
export class GatewayClient {
  readonly #platform: Platform;
  readonly #caller: Caller;
  readonly files: Files;
  readonly passes: Passes;

  /** Throws `TypeError` when `url` is no address. */
  constructor(options: WaybillOptions, platform: Platform) {
    this.#platform = platform;
    this.#caller = createCaller(options, platform);
    this.files = createFiles(this.#caller, platform);
    this.passes = createPasses(this.#caller);
  }

  /**
   * Sends a file, resuming after whatever interrupts it, and resolves once its bytes are safe; follow the deliveries with
   * `settled`. Rejects also with `TypeError` for a source that cannot be sent and with what reading it failed with.
   */
  upload(source: UploadSource, options: UploadOptions = {}): Promise<FileObject> {
    const { retrieve } = this.files;
    return upload({ caller: this.#caller, platform: this.#platform, retrieve }, source, options);
  }

  /**
   * Whether `options.resume` remembers an earlier try of the same upload, so that `upload` would go on with that. Asks
   * the store, not the gateway. The source must be one that can be read again.
   */
  isBegun(source: string | URL | Blob | RangedSource, options: UploadOptions): Promise<boolean> {
    return isBegun({ caller: this.#caller, platform: this.#platform }, source, options);
  }

  /** The same without sending the bytes, if the caller has them there already; null when not. */
  uploadKnown(known: KnownUpload): Promise<FileObject | null> {
    return uploadKnown(this.#caller, known);
  }

  /** Resolves once every delivery of the file has ended. */
  settled(id: string, options: Settling = {}): Promise<FileObject> {
    const followed = {
      id,
      retrieve: (signal: AbortSignal | undefined) =>
        this.files.retrieve(id, { signal, onWait: options.onWait }),
      events: (signal: AbortSignal) => this.events({ signal }),
    };
    return settled(followed, options);
  }

  /**
   * What happens to your files from now on, or since an event. Connects again by itself, missing nothing, ends when the
   * signal aborts, and rejects with what the gateway refuses it for. Ending the iteration ends the connection.
   */
  events(query: EventQuery = {}): AsyncIterable<EventObject> {
    return events(this.#caller, query);
  }

  /** Delivers from the master copy, again or anew. Resolves at once; idempotent. */
  async deliver(
    id: string,
    { provider, purpose, ...wait }: { provider: string; purpose?: string | undefined } & Wait,
  ): Promise<FileObject> {
    const headers = { 'content-type': 'application/json', prefer: 'respond-async' };
    const body = JSON.stringify({ provider, purpose });
    const path = `${filePathOf(id)}/deliveries`;
    return await this.#caller.json({ method: 'POST', path, headers, body, ...wait }, isFileObject);
  }

  async providers(wait: Wait = {}): Promise<readonly ProviderObject[]> {
    const call = { method: 'GET', path: '/v1/providers', ...wait } as const;
    return (await this.#caller.json(call, isProviderList)).data;
  }

  /** What the caller may keep and keeps, or with the scope `admin`, what `sub` does. */
  quota({ sub, ...wait }: { readonly sub?: string | undefined } & Wait = {}): Promise<QuotaObject> {
    const path = sub === undefined ? '/v1/quota' : quotaPathOf(sub);
    return this.#caller.json({ method: 'GET', path, ...wait }, isQuotaObject);
  }

  /** Changes what `sub` may keep: null for what everybody may, 0 for no limit, undefined leaves it. Needs the scope `admin`. */
  setQuota(
    sub: string,
    {
      bytes,
      files,
      ...wait
    }: { readonly bytes?: number | null | undefined; readonly files?: number | null | undefined } & Wait,
  ): Promise<QuotaObject> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ bytes, files });
    return this.#caller.json(
      { method: 'PUT', path: quotaPathOf(sub), headers, body, ...wait },
      isQuotaObject,
    );
  }

  /** What the instance that answers has counted in the last hours. Needs the scope `admin`. */
  statistics(query: StatisticsQuery = {}): Promise<StatisticsObject> {
    return readStatistics(this.#caller, query);
  }

  /** An address that takes one file, once, by PUT and without a token: for whoever is to send it. */
  createUploadUrl({
    filename,
    sizeBytes: bytes,
    mediaType: media_type,
    ttlSeconds: ttl_seconds,
    provider,
    purpose,
    ...wait
  }: WantedUploadUrl): Promise<UploadUrlObject> {
    const headers = { 'content-type': 'application/json' };
    const wanted = { filename, bytes, media_type, ttl_seconds, provider: providerText(provider), purpose };
    const body = JSON.stringify(wanted);
    return this.#caller.json(
      { method: 'POST', path: '/v1/upload-urls', headers, body, ...wait },
      isUploadUrl,
    );
  }

  /** Closes idle connections and ends what is running. */
  close(): Promise<void> {
    return this.#caller.close();
  }
}

const quotaPathOf = (sub: string): string => `/v1/quotas/${encodeURIComponent(sub)}`;
