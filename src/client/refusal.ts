import type { ErrorAnswer } from '../api/error-envelope.ts';
import { ClientError, type ClientErrorCode } from './client-error.ts';
import type { TransportAnswer } from './platform.ts';

/** The error that an answer other than 2xx stands for: the gateway's own, or that something else answered at `url`. */
export const refusalOf = (
  url: string,
  { status, header }: Pick<TransportAnswer, 'status' | 'header'>,
  json: unknown,
): ClientError => {
  if (!isErrorAnswer(json)) return unexpectedAnswer(url, status);
  const { code, message, request_id: requestId, param, file_id: fileId } = json.error;
  return new ClientError(code as ClientErrorCode, message, {
    httpStatus: status,
    requestId,
    param: param ?? undefined,
    fileId,
    retryAfterMs: retryAfterMs(header('retry-after')),
  });
};

export const unexpectedAnswer = (url: string, httpStatus: number): ClientError => {
  const isRedirect = httpStatus >= 300 && httpStatus < 400;
  const message = isRedirect
    ? `${url} redirects elsewhere (HTTP ${httpStatus}); give the gateway's own address.`
    : `What answers at ${url} (HTTP ${httpStatus}) is not Waybill; check the address, and any proxy in front of it.`;
  return new ClientError('unexpected_answer', message, { httpStatus });
};

const isErrorAnswer = (json: unknown): json is ErrorAnswer => {
  if (typeof json !== 'object' || json === null || !('error' in json)) return false;
  const { error } = json;
  if (typeof error !== 'object' || error === null) return false;
  const { message, code, request_id: requestId } = error as Readonly<Record<string, unknown>>;
  return [message, code, requestId].every((value) => typeof value === 'string');
};

/** Waybill sends seconds; a date, which HTTP allows too, is not waited for. */
const retryAfterMs = (header: string | null): number | undefined =>
  header !== null && /^\d{1,9}$/u.test(header) ? Number(header) * 1_000 : undefined;
