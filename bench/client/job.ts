/** How a file travels. `tus-patch` creates an upload and sends all of it in one PATCH; `tus-creation` sends it with the creation. */
export type Shape = 'put' | 'multipart' | 'tus-patch' | 'tus-creation';

/** What an answer has to say to count as a success; see `judge.ts`. */
export type Expected = 'ok' | 'tus' | 'file' | 'stored' | 'accepted' | 'delivered';

/** Where files go and in which shape: what differs between the candidates of a case. */
export interface Destination {
  readonly shape: Shape;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Fields of a form before the file, or metadata of a tus upload. */
  readonly fields: Readonly<Record<string, string>>;
  readonly expected: Expected;
}

/** What is sent: the same for all candidates of a case. */
export interface Load {
  /** `stream`: one request after the other by `http.request`; `small`: bodies in one piece over a pool of `undici`. */
  readonly sender: 'stream' | 'small';
  readonly files: number;
  readonly sizeBytes: number;
  readonly connections: number;
  /** For each upload; null sends as fast as it is taken. */
  readonly bytesPerSecond: number | null;
  /** Files of one seed and number have the same bytes, all others differ. */
  readonly seed: number;
}

export type Job =
  | { readonly kind: 'upload'; readonly to: Destination; readonly load: Load }
  | { readonly kind: 'begin'; readonly to: Destination; readonly load: Load }
  | { readonly kind: 'resume'; readonly to: Destination; readonly load: Load; readonly location: string };

export interface UploadOutcome {
  readonly kind: 'upload';
  /** From the first request to the last answer. */
  readonly seconds: number;
  readonly succeeded: number;
  /** Reason -> how many. */
  readonly failures: Readonly<Record<string, number>>;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Ids or addresses that the answers gave, where they did. */
  readonly made: readonly string[];
}

/** A tus upload that was cut off. */
export interface BeginOutcome {
  readonly kind: 'begin';
  readonly location: string;
  /** File bytes that the operating system had taken when the connection broke. */
  readonly sentBytes: number;
}

export interface ResumeOutcome {
  readonly kind: 'resume';
  readonly offsetBytes: number;
  readonly failure: string | null;
  /** Of the whole file, as the client has it. */
  readonly sha256: string;
}

/** The candidate has no such route. */
export interface UnsupportedOutcome {
  readonly kind: 'unsupported';
}

export interface FailedOutcome {
  readonly kind: 'failed';
  readonly reason: string;
}

export type Outcome = UploadOutcome | BeginOutcome | ResumeOutcome | UnsupportedOutcome | FailedOutcome;
