type Headers = Readonly<Record<string, string | string[] | undefined>>;

/**
 * The wait a provider asks for, in milliseconds: `retry-after-ms` (OpenAI's own), else `Retry-After` in seconds
 * or as a date (RFC 9110, 10.2.3). Undefined when there is none or it makes no sense, such as a time gone by.
 */
export const parseRetryAfter = (headers: Headers, now: number = Date.now()): number | undefined => {
  const ms = headers['retry-after-ms'];
  if (isNumber(ms)) return positive(Number(ms));
  const value = headers['retry-after'];
  if (isNumber(value)) return positive(Number(value) * 1_000);
  // `Date.parse` alone finds a year in almost anything.
  return typeof value === 'string' && HTTP_DATE.test(value) ? positive(Date.parse(value) - now) : undefined;
};

const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/u;

const isNumber = (value: unknown): value is string =>
  typeof value === 'string' && /^\d+(\.\d+)?$/u.test(value.trim());

const positive = (ms: number): number | undefined =>
  Number.isFinite(ms) && ms >= 0 ? Math.ceil(ms) : undefined;
