import { CronExpressionParser } from 'cron-parser';
/** The kinds of values that environment variables have: each reads a text and says what it wants when it cannot. */
import { z } from 'zod';
import { parseQuantity } from './parse-quantity.ts';

const within = (min: number, max: number, wants: string) =>
  z
    .string()
    .transform((value) => parseQuantity(value) ?? Number.NaN)
    .refine((n) => n >= min && n <= max, { error: wants });

export const bytes = (initial: string) =>
  within(1, Number.MAX_SAFE_INTEGER, 'bytes above 0, such as 1048576 or 100 MB').prefault(initial);
/** A limit that 0 switches off. */
export const bytesOrOff = (initial: string) =>
  within(0, Number.MAX_SAFE_INTEGER, 'bytes, such as 1048576 or 100 MB, or 0 for no limit').prefault(initial);
export const milliseconds = (initial: string) =>
  within(1, 86_400_000, 'milliseconds from 1 to 86400000').prefault(initial);
export const count = (initial: string, min: number, max: number) =>
  within(min, max, `a whole number from ${min} to ${max}`).prefault(initial);
export const text = (wants: string, pattern: RegExp) => z.string().regex(pattern, { error: wants });
export const url = (protocols: RegExp, wants: string) => z.url({ protocol: protocols, error: wants });
export const httpUrl = url(/^https?$/u, 'an http:// or https:// address');
export const secret = (min: number) =>
  z.string().refine((value) => Buffer.byteLength(value) >= min, {
    error: `a secret of at least ${min} bytes`,
    // One problem at a time is enough.
    abort: true,
  });

/** Fewer different characters than any random text of 32 has by chance. */
const LEAST_DIFFERENT = 10;
/** Secrets that documentation shows, and so everybody knows; the last is that of RFC 7515, A.1. */
const WELL_KNOWN =
  /secret-jwt-token|your[-_ ].*(secret|key)|change[-_ ]?(me|this)|at-least-(32|256)|example|password|0123456789|abcdefghij|qwertyuiop|^AyM1SysPpbyDfgZld3umj1qzKObwVMko/iu;

/** A secret to sign with (RFC 7518, 3.2: as long as the digest; RFC 8725, 3.5: random). */
export const signingSecret = secret(32).refine(
  (value) => new Set(value).size >= LEAST_DIFFERENT && value.trim() === value && !WELL_KNOWN.test(value),
  { error: 'a random secret of at least 32 bytes, as `openssl rand -base64 48` makes one' },
);

/** A time that is over or at most `maxDaysAhead` away. */
export const dateAhead = (maxDaysAhead: number) => {
  const wants = `a date or time such as 2026-12-31 or 2026-12-31T12:00:00Z, at most ${maxDaysAhead} days ahead`;
  return z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2}))?$/u, { error: wants })
    .transform((value) => new Date(value))
    .refine((date) => date.getTime() <= Date.now() + maxDaysAhead * 86_400_000, { error: wants });
};

/** Texts with commas between; each must match. */
export const list = (wants: string, pattern: RegExp) =>
  z
    .string()
    .transform((value) => value.split(',').map((one) => one.trim()))
    .refine((all) => all.every((one) => pattern.test(one)), { error: wants });

/** A directory of ours under the name by which Windows clients know it. */
export interface DriveMapping {
  /** `C:` and what follows it, with `/` between. */
  readonly windows: string;
  readonly posix: string;
}

/** Absolute, more than the root, and without `.` or `..` in it. */
const DIRECTORY = String.raw`(?:/(?!\.{1,2}(?:/|$))[^/,=\0]+)+/?`;

export const directories = list(
  'absolute directories below / with commas between, such as /app,/mnt/project',
  new RegExp(`^${DIRECTORY}$`, 'u'),
).transform((all): readonly string[] => [...new Set(all.map((one) => one.replace(/\/$/u, '')))]);

/** A drive, or a directory on it from its top; no name ends with a dot or a blank, so none is `.` or `..`. */
const WINDOWS_DIRECTORY = String.raw`[a-z]:(?:[/\\]+[^/\\=,:*?"<>|\0]*[^/\\=,:*?"<>|\0. ])*[/\\]*`;
const WANTED_MAPPINGS = 'mappings with commas between, such as C:/Project=/mnt/project,D:=/data';

export const driveMappings = list(WANTED_MAPPINGS, new RegExp(`^${WINDOWS_DIRECTORY}=${DIRECTORY}$`, 'iu'))
  .transform((all): readonly DriveMapping[] =>
    all.map((one) => {
      const [windows = '', posix = ''] = one.split('=');
      return {
        windows: windows.replaceAll(/[/\\]+/gu, '/').replace(/\/$/u, ''),
        posix: posix.replace(/\/$/u, ''),
      };
    }),
  )
  .refine((all) => new Set(all.map(({ windows }) => windows.toLowerCase())).size === all.length, {
    error: `${WANTED_MAPPINGS}, each Windows directory once`,
  });

/** A schedule as `cron` has it, in UTC. Empty fields cannot come, since an empty variable is unset. */
export const cron = (preset: string) =>
  z
    .string()
    .refine((value) => value.trim().split(/\s+/u).length === 5 && isSchedule(value), {
      error: 'minute, hour, day, month and weekday, such as 0 3 * * *',
    })
    .prefault(preset);

const isSchedule = (text: string): boolean => {
  try {
    CronExpressionParser.parse(text, { tz: 'UTC' });
    return true;
  } catch {
    return false;
  }
};
