import { type Answer, jsonAnswer, rawAnswer } from './answer.ts';

/** What a Google error says beyond its HTTP status; the usual of the status where left out. */
export interface GoogleError {
  /** Name of the canonical code. */
  readonly status?: string;
  readonly message?: string;
  readonly details?: readonly unknown[];
}

// https://cloud.google.com/apis/design/errors: canonical codes and the HTTP statuses they travel under.
const STATUS_NAMES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ALREADY_EXISTS',
  413: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

// Wording that no source shows is ours and nothing to rely on.
const MESSAGES: Readonly<Record<string, string>> = {
  INVALID_ARGUMENT: 'Request contains an invalid argument.',
  UNAUTHENTICATED: 'Request had invalid authentication credentials.',
  PERMISSION_DENIED: 'The caller does not have permission',
  NOT_FOUND: 'Requested entity was not found.',
  ALREADY_EXISTS: 'Requested entity already exists',
  RESOURCE_EXHAUSTED: 'Resource has been exhausted (e.g. check quota).',
  INTERNAL: 'An internal error has occurred. Please retry.',
  UNAVAILABLE: 'The service is currently unavailable.',
  DEADLINE_EXCEEDED: 'The request timed out. Please try again.',
};

/** Google's JSON error for an HTTP status. */
export const googleError = (httpStatus: number, error: GoogleError = {}): Answer => {
  const status = error.status ?? STATUS_NAMES[httpStatus] ?? 'UNKNOWN';
  const message = error.message ?? MESSAGES[status] ?? status;
  return jsonAnswer(httpStatus, {
    error: { code: httpStatus, message, status, ...(error.details ? { details: error.details } : {}) },
  });
};

/** A key that is none is a 400, not a 401. */
export const invalidKey = (): Answer =>
  googleError(400, {
    message: 'API key not valid. Please pass a valid API key.',
    details: [
      {
        '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
        reason: 'API_KEY_INVALID',
        domain: 'googleapis.com',
        metadata: { service: 'generativelanguage.googleapis.com' },
      },
    ],
  });

/** The wait is said in the body only, such as "12s"; no header repeats it. */
export const rateLimited = (retryDelay: string): Answer =>
  googleError(429, {
    details: [
      ...(retryDelay === '' ? [] : [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay }]),
    ],
  });

/** As seen in reports of users: a quota names itself, and no wait helps. */
export const storageFull = (quotaBytes: number): Answer =>
  googleError(429, {
    message: `You exceeded your current quota, please check your plan and billing details.\n* Quota exceeded for metric: generativelanguage.googleapis.com/file_storage_bytes, limit: ${quotaBytes}`,
    details: [
      {
        '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
        violations: [
          {
            quotaMetric: 'generativelanguage.googleapis.com/file_storage_bytes',
            quotaId: 'FileStorageBytesPerProject',
            quotaValue: String(quotaBytes),
          },
        ],
      },
    ],
  });

/** Where nothing is, Google's front end answers with a page. */
export const noSuchPath = (pathname: string): Answer =>
  rawAnswer(
    404,
    `<!DOCTYPE html><html lang=en><title>Error 404 (Not Found)!!1</title><p>The requested URL <code>${encodeURI(pathname)}</code> was not found on this server.</html>\n`,
    { type: 'text/html; charset=UTF-8' },
  );
