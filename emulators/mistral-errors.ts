import { type Answer, jsonAnswer } from './answer.ts';

/** One value Mistral does not take: where it stood, and why not. */
export interface MistralProblem {
  readonly loc: readonly [where: 'body' | 'query' | 'path', name: string];
  readonly msg: string;
  readonly type: string;
}

/** Mistral's 422, of its own shape. */
export const unprocessable = (problem: MistralProblem): Answer => jsonAnswer(422, { detail: [problem] });

/** Mistral's 404 for a file, of its own shape too. */
export const noSuchFile = (): Answer => jsonAnswer(404, { detail: 'No file matches the given query.' });

// Only the keys are documented; types and wording are ours and nothing to rely on.
const ERRORS: Readonly<Record<number, { type: string; message: string }>> = {
  400: { type: 'invalid_request_error', message: 'Invalid request' },
  401: { type: 'unauthorized', message: 'Unauthorized' },
  403: { type: 'forbidden', message: 'Forbidden' },
  404: { type: 'not_found', message: 'no Route matched with those values' },
  413: { type: 'request_too_large', message: 'File is too large' },
  429: { type: 'rate_limited', message: 'Requests rate limit exceeded' },
};

/** Any other error of Mistral's; `code` is the error's own. */
export const mistralError = (status: number, { code = null, message }: MistralReason = {}): Answer => {
  const usual = ERRORS[status] ?? {
    type: status >= 500 ? 'internal_server_error' : 'invalid_request_error',
    message: `Error ${status}`,
  };
  const answer = jsonAnswer(status, {
    object: 'error',
    message: message ?? usual.message,
    type: usual.type,
    param: null,
    code,
  });
  return status === 429 ? { ...answer, headers: RATE_LIMIT } : answer;
};

interface MistralReason {
  readonly code?: string | null;
  readonly message?: string;
}

const RATE_LIMIT = { 'x-ratelimit-limit': '60', 'x-ratelimit-remaining': '0' };

const INTEGER = /^[+-]?\d{1,15}$/;

/** The number in a text, or what Mistral says to a text that holds none within the bounds. */
export const readWhole = (
  text: string,
  loc: MistralProblem['loc'],
  { min, max = Number.MAX_SAFE_INTEGER }: { min: number; max?: number },
): number | MistralProblem => {
  const value = Number(text);
  if (!INTEGER.test(text)) {
    const msg = 'Input should be a valid integer, unable to parse string as an integer';
    return { loc, msg, type: 'int_parsing' };
  }
  if (value < min) {
    return { loc, msg: `Input should be greater than or equal to ${min}`, type: 'greater_than_equal' };
  }
  return value <= max
    ? value
    : { loc, msg: `Input should be less than or equal to ${max}`, type: 'less_than_equal' };
};

/** The problem with a text that is not among the choices. */
export const notAmong = (loc: MistralProblem['loc'], choices: readonly string[]): MistralProblem => ({
  loc,
  msg: `Input should be ${choices.map((choice) => `'${choice}'`).join(' or ')}`,
  type: 'enum',
});
