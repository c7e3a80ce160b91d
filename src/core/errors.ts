/**
 * Every error that leaves Waybill, on any surface, is one of the codes below. The catalogue is the only
 * place that knows an error's HTTP status, its OpenAI `type` and whether trying again can help;
 * `docs/errors.md` is compared with it by a test.
 */

/** The `type` of OpenAI's error envelope, by which the official SDKs group errors. */
export type ErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'permission_error'
  | 'not_found_error'
  | 'provider_error'
  | 'server_error';

/** `later`: the same request may succeed after a wait; `once`: it may, if it does so at once; `never`: it has to be changed first. */
export type Retry = 'never' | 'once' | 'later';

interface CatalogueEntry {
  readonly httpStatus: number;
  readonly type: ErrorType;
  readonly retry: Retry;
}

const entry = (httpStatus: number, type: ErrorType, retry: Retry = 'never'): CatalogueEntry => ({
  httpStatus,
  type,
  retry,
});

export const errorCatalogue = {
  invalid_token: entry(401, 'authentication_error'),
  token_expired: entry(401, 'authentication_error'),
  insufficient_scope: entry(403, 'permission_error'),
  origin_not_allowed: entry(403, 'permission_error'),
  host_not_allowed: entry(403, 'permission_error'),
  path_not_allowed: entry(403, 'permission_error'),
  quota_exceeded: entry(403, 'permission_error'),
  not_found: entry(404, 'not_found_error'),

  invalid_request: entry(400, 'invalid_request_error'),
  invalid_multipart: entry(400, 'invalid_request_error'),
  incomplete_body: entry(400, 'invalid_request_error', 'later'),
  invalid_path: entry(400, 'invalid_request_error'),
  missing_file: entry(400, 'invalid_request_error'),
  empty_file: entry(400, 'invalid_request_error'),
  invalid_filename: entry(400, 'invalid_request_error'),
  invalid_purpose: entry(400, 'invalid_request_error'),
  unknown_provider: entry(400, 'invalid_request_error'),
  unsupported_media_type: entry(415, 'invalid_request_error'),
  not_a_file: entry(422, 'invalid_request_error'),
  type_not_allowed: entry(422, 'invalid_request_error'),
  type_mismatch: entry(422, 'invalid_request_error'),
  unsafe_content: entry(422, 'invalid_request_error'),
  scanner_unavailable: entry(503, 'server_error', 'later'),
  file_too_large: entry(413, 'invalid_request_error'),
  headers_too_large: entry(431, 'invalid_request_error'),
  request_timeout: entry(408, 'invalid_request_error', 'later'),
  offset_conflict: entry(409, 'invalid_request_error'),
  pass_running: entry(409, 'invalid_request_error', 'later'),
  upload_expired: entry(410, 'invalid_request_error'),
  upload_url_used: entry(410, 'invalid_request_error'),
  unsupported_version: entry(412, 'invalid_request_error'),
  upload_locked: entry(423, 'invalid_request_error', 'later'),
  checksum_mismatch: entry(460, 'invalid_request_error', 'once'),
  range_not_satisfiable: entry(416, 'invalid_request_error'),

  rate_limited: entry(429, 'invalid_request_error', 'later'),
  idempotency_conflict: entry(422, 'invalid_request_error'),
  no_provider_accepts: entry(422, 'invalid_request_error'),
  content_unavailable: entry(409, 'invalid_request_error'),

  provider_rejected: entry(422, 'provider_error'),
  provider_unauthorized: entry(502, 'provider_error'),
  provider_quota_exceeded: entry(507, 'provider_error'),
  provider_unavailable: entry(503, 'provider_error', 'later'),

  insufficient_storage: entry(507, 'server_error', 'later'),
  unavailable: entry(503, 'server_error', 'later'),
  internal_error: entry(500, 'server_error', 'later'),
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

/**
 * What became of a write at a provider that failed: it was not carried out, or that is not known, because the
 * answer was lost or not understood after the last byte had gone.
 */
export type RemoteOutcome = 'not_done' | 'unknown';

export interface GatewayErrorOptions {
  /** The request field at fault, as OpenAI's `param`. */
  readonly param?: string | undefined;
  /** How long to wait before trying again, when known. */
  readonly retryAfterMs?: number | undefined;
  /** The file that stays although the request failed, so that the caller can find it. */
  readonly fileId?: string | undefined;
  /** Overrides the catalogue's retry class, for example for a provider's final answer under a retryable status. */
  readonly retry?: Retry | undefined;
  /** Default `not_done`. */
  readonly outcome?: RemoteOutcome | undefined;
  readonly cause?: unknown;
}

/**
 * The one error type of Waybill. `message` is shown to callers: it says what happened, which value, and
 * what to do, and never contains a secret, a server path or an internal message (those go into `cause`,
 * which is logged and never sent).
 */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly param: string | null;
  readonly retryAfterMs: number | null;
  readonly fileId: string | null;
  readonly outcome: RemoteOutcome;

  constructor(code: ErrorCode, message: string, options: GatewayErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retry = options.retry ?? errorCatalogue[code].retry;
    this.param = options.param ?? null;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.fileId = options.fileId ?? null;
    this.outcome = options.outcome ?? 'not_done';
  }

  get httpStatus(): number {
    return errorCatalogue[this.code].httpStatus;
  }

  get type(): ErrorType {
    return errorCatalogue[this.code].type;
  }
}

/** The system error code (`ENOSPC`, `ECONNRESET`, …) of an unknown error, or of the first cause that has one. */
export const systemCode = (error: unknown): string | null => {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ('code' in current && typeof current.code === 'string') return current.code;
  }
  return null;
};

/**
 * Connections lost or never made, and SQLSTATEs of a server that is starting, stopping, full, or gives up one of several
 * changes that are in each other's way (classes 08, 53, 57P and 40).
 */
const DATABASE_AWAY =
  /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|08\w{3}|53\w{3}|57P0\d|57014|40001|40P01)$/u;
/** What `pg` says, without a code, of a connection that ended or never came. */
const CONNECTION_LOST =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/u;
const DISK_FULL = new Set(['ENOSPC', 'EDQUOT', 'EROFS']);

/** What a failure means to a caller: a `GatewayError` as it is, known system faults by name, all else `internal_error`. */
export const toGatewayError = (error: unknown): GatewayError => {
  if (error instanceof GatewayError) return error;
  const code = systemCode(error);
  if (code !== null && DISK_FULL.has(code)) {
    return new GatewayError(
      'insufficient_storage',
      'The storage is full; nothing was kept. Try again later.',
      {
        cause: error,
      },
    );
  }
  if (isDatabaseAway(error, code)) {
    return new GatewayError('unavailable', 'The database cannot do this just now. Try again shortly.', {
      cause: error,
    });
  }
  return new GatewayError(
    'internal_error',
    'Something went wrong inside Waybill. Try again; if it persists, report the request_id.',
    {
      cause: error,
    },
  );
};

const isDatabaseAway = (error: unknown, code: string | null): boolean =>
  code === null ? error instanceof Error && CONNECTION_LOST.test(error.message) : DATABASE_AWAY.test(code);
