import type { IncomingMessage } from 'node:http';

/** What an emulator saw of one request to the emulated API. */
export interface RequestRecord {
  readonly method: string;
  /** With its query, less what gives access. */
  readonly path: string;
  /** RFC 3339, at arrival. */
  readonly at: string;
  /** Null as long as nothing was answered, for ever if the connection was cut. */
  status: number | null;
  /** The file stored, deleted or asked for. */
  fileId: string | null;
  /** Bytes of the request body read so far. */
  bytesReceived: number;
  /** Never the authorization. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface RequestLog {
  add(record: RequestRecord): void;
  /** Oldest first, the last 1,000. */
  all(): readonly RequestRecord[];
}

const MAX_RECORDS = 1_000;
const RECORDED_HEADERS = [
  'content-length',
  'content-type',
  'traceparent',
  'transfer-encoding',
  'anthropic-beta',
  'anthropic-version',
  'x-goog-upload-command',
  'x-goog-upload-offset',
] as const;

export const createRequestLog = (): RequestLog => {
  const records: RequestRecord[] = [];
  return {
    add: (record) => {
      records.push(record);
      if (records.length > MAX_RECORDS) records.shift();
    },
    all: () => records,
  };
};

/** The record of a request that has just arrived. */
export const recordOf = (request: IncomingMessage): RequestRecord => ({
  method: request.method ?? '',
  path: withoutSecrets(request.url ?? ''),
  at: new Date().toISOString(),
  status: null,
  fileId: null,
  bytesReceived: 0,
  headers: Object.fromEntries(
    RECORDED_HEADERS.flatMap((name) => {
      const value = request.headers[name];
      return value === undefined ? [] : [[name, String(value)]];
    }),
  ),
});

/** The beginning of a secret, enough to tell two apart and never more than half of it. */
export const shown = (secret: string): string => `${secret.slice(0, Math.min(6, secret.length / 2))}…`;

const withoutSecrets = (target: string): string =>
  target.replace(/([?&](?:key|upload_id)=)([^&]*)/g, (_, name: string, value: string) => name + shown(value));
