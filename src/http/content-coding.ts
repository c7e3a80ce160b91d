/** A coding of answers that the gateway knows (RFC 9110, 8.4.1). */
export type ContentCoding = 'br' | 'gzip' | 'identity';

/** In the order in which they are taken where a client wants them equally. */
const CODINGS = ['br', 'gzip'] as const;

/**
 * The best coding that an `Accept-Encoding` header lets through (RFC 9110, 12.5.3): what has the highest weight, `*` for
 * what is not named. Never a refusal: who allows nothing gets the content as it is.
 */
export const chooseCoding = (header: string | undefined): ContentCoding => {
  const weights = new Map(
    (header ?? '').split(',').map((entry): [string, number] => {
      const [name = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith('q='));
      return [name, weight === undefined ? 1 : Number.parseFloat(weight.slice(2)) || 0];
    }),
  );
  const weightOf = (coding: string): number => weights.get(coding) ?? weights.get('*') ?? 0;
  const [best] = CODINGS.filter((coding) => weightOf(coding) > 0).sort((a, b) => weightOf(b) - weightOf(a));
  return best !== undefined && weightOf(best) >= (weights.get('identity') ?? 0) ? best : 'identity';
};
