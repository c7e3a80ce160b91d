import { validateHeaderName, validateHeaderValue } from 'node:http';

/** One named value a caller may set: what it is when left out, and which JSON values it takes. */
export interface Setting<T> {
  readonly fallback: T;
  /** Completes the sentence "`name` must be …" in the refusal of any other value. */
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
  /** True where no fallback makes sense and the caller has to name a value. */
  readonly required?: boolean;
}

/** Settings by name. Fault parameters and emulator variants are both such tables, so their types follow from the data. */
export type SettingTable = Readonly<Record<string, Setting<unknown>>>;

/** The values a table describes. */
export type SettingValues<S extends SettingTable> = {
  -readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

/** A value from outside that an emulator does not take; the message names it. Answered as a 400 by the control plane. */
export class UnusableSetting extends Error {
  override readonly name = 'UnusableSetting';
}

// A delay longer than this wraps round in Node's timers and fires at once.
const MAX_TIMER_MS = 2 ** 31 - 1;

export const wholeNumber = (
  fallback: number,
  { min = 0, max = Number.MAX_SAFE_INTEGER } = {},
): Setting<number> => ({
  fallback,
  expected: `a whole number from ${min} to ${max}`,
  accepts: (value) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max,
});

export const milliseconds = (fallback: number): Setting<number> =>
  wholeNumber(fallback, { max: MAX_TIMER_MS });

export const httpStatus = (fallback: number): Setting<number> =>
  wholeNumber(fallback, { min: 200, max: 599 });

export const flag = (fallback: boolean): Setting<boolean> => ({
  fallback,
  expected: 'true or false',
  accepts: (value) => typeof value === 'boolean',
});

export const text = (fallback: string): Setting<string> => ({
  fallback,
  expected: 'a string',
  accepts: (value) => typeof value === 'string',
});

export const requiredText = (): Setting<string> => ({ ...text(''), required: true });

export const optionalText = (): Setting<string | null> => ({
  fallback: null,
  expected: 'a string or null',
  accepts: (value) => value === null || typeof value === 'string',
});

export const oneOf = <const T extends string>(fallback: T, ...others: readonly T[]): Setting<T> => {
  const choices: readonly unknown[] = [fallback, ...others];
  return {
    fallback,
    expected: `one of ${choices.join(', ')}`,
    accepts: (value) => choices.includes(value),
  };
};

export const textList = (fallback: readonly string[]): Setting<readonly string[]> => ({
  fallback,
  expected: 'a list of strings',
  accepts: (value) => Array.isArray(value) && value.every((entry) => typeof entry === 'string'),
});

/** Any JSON value; `undefined` when left out. */
export const anyJson = (): Setting<unknown> => ({
  fallback: undefined,
  expected: 'any JSON value',
  accepts: () => true,
});

/** A header's value as it goes on the wire, garbage included, as long as HTTP can carry it. */
export const optionalHeaderValue = (): Setting<string | number | null> => ({
  fallback: null,
  expected: 'a number, or a string that may stand in a header',
  accepts: (value) =>
    value === null || typeof value === 'number' || (typeof value === 'string' && isHeader('x', value)),
});

export const headerMap = (): Setting<Readonly<Record<string, string>>> => ({
  fallback: {},
  expected: 'an object of header names and string values',
  accepts: (value) =>
    isRecord(value) &&
    Object.entries(value).every(([name, entry]) => typeof entry === 'string' && isHeader(name, entry)),
});

/** What every setting of the table is when nothing is given. */
export const fallbacks = <S extends SettingTable>(table: S): SettingValues<S> =>
  Object.fromEntries(
    Object.entries(table).map(([name, setting]) => [name, setting.fallback]),
  ) as SettingValues<S>;

/**
 * The settings present in `input`, checked. Throws `UnusableSetting` for a name the table does not have, a value it
 * does not take, or a required one left out (`partial` allows the latter).
 */
export const readSettings = <S extends SettingTable>(
  table: S,
  input: Readonly<Record<string, unknown>>,
  { partial = false } = {},
): Partial<SettingValues<S>> => {
  for (const [name, value] of Object.entries(input)) {
    const setting = Object.hasOwn(table, name) ? table[name] : undefined;
    if (setting === undefined) throw new UnusableSetting(`"${name}" is not known here`);
    if (!setting.accepts(value)) throw new UnusableSetting(`"${name}" must be ${setting.expected}`);
  }
  for (const [name, setting] of Object.entries(table)) {
    if (setting.required && !partial && !Object.hasOwn(input, name)) {
      throw new UnusableSetting(`"${name}" is missing; it must be ${setting.expected}`);
    }
  }
  return input as Partial<SettingValues<S>>;
};

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isHeader = (name: string, value: string): boolean => {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return true;
  } catch {
    return false;
  }
};
