import type { ErrorCode } from '../core/errors.ts';

/**
 * What can go wrong before the gateway has given an answer of its own: nothing listens at the address, the connection
 * broke, something else than Waybill answered, the bytes to send changed meanwhile, or those received are not the file's.
 */
export type ClientErrorCode =
  | ErrorCode
  | 'gateway_unreachable'
  | 'connection_lost'
  | 'unexpected_answer'
  | 'source_changed'
  | 'checksum_mismatch';

export interface ClientErrorOptions {
  readonly httpStatus?: number | undefined;
  readonly requestId?: string | undefined;
  readonly param?: string | undefined;
  /** The file that stayed although the request failed. */
  readonly fileId?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/**
 * A request that failed. `code` and `message` are the gateway's where it answered; the message comes from the network
 * then and is to be cleaned before it is shown.
 */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: ClientErrorCode;
  /** Null when no answer came. */
  readonly httpStatus: number | null;
  readonly requestId: string | null;
  readonly param: string | null;
  readonly fileId: string | null;
  /** How long to wait before trying again, where waiting helps and the gateway said so. */
  readonly retryAfterMs: number | null;

  constructor(code: ClientErrorCode, message: string, options: ClientErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.httpStatus = options.httpStatus ?? null;
    this.requestId = options.requestId ?? null;
    this.param = options.param ?? null;
    this.fileId = options.fileId ?? null;
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}
