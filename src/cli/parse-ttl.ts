import { CliError } from './cli-error.ts';

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** The gateway takes no token that lives longer. */
const MAX_TTL_MS = 3_650 * 86_400_000;

/** Reads a lifetime such as `30d` (s, m, h, d) as milliseconds. Throws `CliError` `usage`. */
export const parseTtl = (text: string): number => {
  const [, digits = '', unit = ''] = /^(\d{1,9})([smhd])$/u.exec(text) ?? [];
  const ttlMs = Number(digits) * (UNITS_MS[unit] ?? Number.NaN);
  if (ttlMs > 0 && ttlMs <= MAX_TTL_MS) return ttlMs;
  throw new CliError(
    'usage',
    `--ttl ${JSON.stringify(text)} is no lifetime; write a number and s, m, h or d, such as 30d, up to 3650d.`,
  );
};
