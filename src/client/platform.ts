import type { OpenedSource } from './opened-source.ts';

/** What Node and browsers do each in their own way. */
export interface Platform {
  /** The caller closes it. */
  openTransport(): Transport;
  /** Opens the file that a path or a `file:` URL names. Rejects with `TypeError` where there are no paths. */
  openPath(path: string | URL): Promise<OpenedSource>;
  createSha256(): Sha256;
  /** Whether a body can be sent as it is read, however long it is; else it has to be in memory or a `Blob`. */
  readonly streamsBodies: boolean;
}

/** A digest in the making. */
export interface Sha256 {
  update(bytes: Uint8Array): void;
  /** To be called once, at the end. */
  hex(): string;
}

/** Sends single requests: no retry, no redirect, so that a token goes to the address it was given for and nowhere else. */
export interface Transport {
  /**
   * Resolves with the head of whatever answer comes. Rejects with `TransportError`, with the signal's reason, or with
   * what reading the body failed with; so does the body of the answer.
   */
  send(request: TransportRequest): Promise<TransportAnswer>;
  /** Ends running requests. */
  close(): Promise<void>;
}

/** Bytes to send; a function, where bodies are streamed, opens them from the start and is called once. */
export type Body = string | Uint8Array<ArrayBuffer> | Blob | (() => AsyncIterable<Uint8Array>);

export interface TransportRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body | null;
  /** Of a body that is opened. */
  readonly bodyBytes: number | null;
  /** Called with the bytes of the body that the network has taken so far. */
  readonly onSent: ((sentBytes: number) => void) | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface TransportAnswer {
  readonly status: number;
  /** Null when the answer does not have it. */
  header(name: string): string | null;
  /** The receiver must read it to the end or end the iteration. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** A request that got no answer, or an answer that broke off. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  /** Whether a connection stood; null where the platform does not tell. */
  readonly wasConnected: boolean | null;

  /** `reason` is short, for a message in parentheses. */
  constructor(reason: string, wasConnected: boolean | null, cause: unknown) {
    super(reason, { cause });
    this.wasConnected = wasConnected;
  }
}

/** Without so much as a byte taken for so long, a connection is dead, though nobody has said so. */
export const STALLED_MS = 60_000;
