import { randomBytes } from 'node:crypto';
import { type Answer, jsonAnswer } from './answer.ts';

/** What went wrong, in OpenAI's terms; what is left out is usual for the code, or else for the status. */
export interface OpenAiReason {
  readonly status: number;
  readonly message?: string;
  readonly type?: string;
  readonly param?: string;
  readonly code?: string | null;
}

interface Usual {
  readonly type: string;
  readonly message: string;
  readonly code: string | null;
}

const invalid = (message: string, code: string | null = null): Usual => ({
  type: 'invalid_request_error',
  message,
  code,
});

// Types and codes as in the error-codes guide and in captures; wording that neither shows is ours and nothing to rely on.
const BY_CODE: Readonly<Record<string, Omit<Usual, 'code'>>> = {
  invalid_api_key: invalid('Incorrect API key provided.'),
  unsupported_country_region_territory: {
    type: 'request_forbidden',
    message: 'Country, region, or territory not supported',
  },
  rate_limit_exceeded: {
    type: 'requests',
    message: 'Rate limit reached on requests per min (RPM): Limit 1000, Used 1000, Requested 1.',
  },
  insufficient_quota: {
    type: 'insufficient_quota',
    message: 'You exceeded your current quota, please check your plan and billing details.',
  },
};

const USUAL_CODE: Readonly<Record<number, string>> = { 401: 'invalid_api_key', 429: 'rate_limit_exceeded' };

const BY_STATUS: Readonly<Record<number, Usual>> = {
  400: invalid('Invalid request.'),
  403: invalid('You have insufficient permissions for this operation.'),
  404: invalid('The requested resource does not exist.'),
  409: invalid('The resource is locked by another request.'),
  413: invalid('Maximum content size limit exceeded.'),
  503: { type: 'server_error', message: 'The server is currently overloaded.', code: null },
};

const SERVER_ERROR: Usual = {
  type: 'server_error',
  message: 'The server had an error while processing your request. Sorry about that!',
  code: null,
};

/** OpenAI's error, `{error: {message, type, param, code}}`. */
export const openAiError = ({ status, message, type, param, code }: OpenAiReason): Answer => {
  const named = code === undefined ? (USUAL_CODE[status] ?? null) : code;
  const usual =
    BY_CODE[named ?? ''] ?? BY_STATUS[status] ?? (status >= 500 ? SERVER_ERROR : invalid(`Error ${status}.`));
  const answer = jsonAnswer(status, {
    error: {
      message: message ?? usual.message,
      type: type ?? usual.type,
      param: param ?? null,
      code: named,
    },
  });
  const isRateLimit = status === 429 && named === 'rate_limit_exceeded';
  return withHeaders(isRateLimit ? { ...answer, headers: RATE_LIMIT } : answer);
};

// 1,000 requests a minute for one user, says the documentation of files.
const RATE_LIMIT = {
  'x-ratelimit-limit-requests': '1000',
  'x-ratelimit-remaining-requests': '0',
  'x-ratelimit-reset-requests': '1s',
};

/** The answer with the headers OpenAI sends with all of them. */
export const withHeaders = (answer: Answer): Answer => ({
  ...answer,
  headers: {
    'openai-processing-ms': '12',
    'openai-version': '2020-10-01',
    'x-request-id': `req_${randomBytes(16).toString('hex')}`,
    ...answer.headers,
  },
});

/** Where a whole number has to lie. */
interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** What is wrong with a value that should be a whole number within bounds; null where nothing is. */
export const wrongWhole = (value: unknown, param: string, { min, max }: Bounds): OpenAiReason | null => {
  if (value === undefined) return missing(param);
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    const message = `Invalid type for '${param}': expected an integer.`;
    return { status: 400, message, param, code: 'invalid_type' };
  }
  const broken = value < min ? BELOW : value > max ? ABOVE : null;
  if (broken === null) return null;
  const expected = broken === BELOW ? `>= ${min}` : `<= ${max}`;
  const message = `Invalid '${param}': ${broken.text}. Expected a value ${expected}, but got ${value} instead.`;
  return { status: 400, message, param, code: broken.code };
};

const BELOW = { text: 'integer below minimum value', code: 'integer_below_min_value' };
const ABOVE = { text: 'integer above maximum value', code: 'integer_above_max_value' };

/** The reason to refuse a request that lacks a parameter. */
export const missing = (param: string): OpenAiReason => ({
  status: 400,
  message: `Missing required parameter: '${param}'.`,
  param,
  code: 'missing_required_parameter',
});

/** The reason to refuse a value that is not among the choices. */
export const notAmong = (value: string, param: string, choices: readonly string[]): OpenAiReason => ({
  status: 400,
  message: `Invalid value: '${value}'. Supported values are: ${choices.map((choice) => `'${choice}'`).join(', ')}.`,
  param,
  code: 'invalid_value',
});
