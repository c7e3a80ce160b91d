type Headers = Readonly<Record<string, string | string[] | undefined>>;

/**
 * The wait a provider asks for, in milliseconds: `retry-after-ms` (OpenAI's own), else `Retry-After` in seconds
 * or as a date (RFC 9110, 10.2.3). Undefined when there is none or it makes no sense.
 */
export const parseRetryAfter = (headers: Headers, now: number = Date.now()): number | undefined => {
  const ms = positive(Number(headers['retry-after-ms'] ?? Number.NaN));
  if (ms !== undefined) return ms;
  const value = headers['retry-after'];
  if (typeof value !== 'string') return undefined;
  if (/^\d+(\.\d+)?$/u.test(value.trim())) return positive(Number(value) * 1_000);
  return positive(Date.parse(value) - now);
};

const positive = (ms: number): number | undefined =>
  Number.isFinite(ms) && ms >= 0 ? Math.ceil(ms) : undefined;
