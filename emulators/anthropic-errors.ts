import { randomInt } from 'node:crypto';
import { type Answer, jsonAnswer } from './answer.ts';

/** What went wrong, in Anthropic's terms. */
export interface AnthropicReason {
  readonly status: number;
  /** The usual one for the status when left out. */
  readonly type?: string;
  readonly message?: string;
  /** Goes into `details.error_code`. */
  readonly errorCode?: string;
}

// Types: platform.claude.com, errors page. The wording is ours and nothing to rely on.
const TYPE_BY_STATUS: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

const MESSAGES: Readonly<Record<string, string>> = {
  invalid_request_error: 'Invalid request',
  authentication_error: 'invalid x-api-key',
  permission_error: 'Your API key does not have permission to use the specified resource',
  not_found_error: 'Not found',
  request_too_large: 'Request exceeds the maximum size',
  rate_limit_error: 'This request would exceed the rate limit of your organization',
  api_error: 'Internal server error',
  overloaded_error: 'Overloaded',
};

/** Anthropic's error; its `request_id` and the header of that name are the same. */
export const anthropicError = ({ status, type, message, errorCode }: AnthropicReason): Answer => {
  const named = type ?? TYPE_BY_STATUS[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
  const requestId = newRequestId();
  const error = {
    type: named,
    message: message ?? MESSAGES[named] ?? named,
    ...(errorCode === undefined ? {} : { details: { error_code: errorCode } }),
  };
  const answer = jsonAnswer(status, { type: 'error', error, request_id: requestId });
  return { ...answer, headers: { 'request-id': requestId } };
};

/** The answer with the header by which Anthropic finds a request again. */
export const withRequestId = (answer: Answer): Answer => ({
  ...answer,
  headers: { ...answer.headers, 'request-id': newRequestId() },
});

const newRequestId = (): string => `req_${base62(24)}`;

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** That many random letters and digits, as in Anthropic's ids. */
export const base62 = (length: number): string =>
  Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
