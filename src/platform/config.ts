import type { z } from 'zod';
import { environment } from './environment.ts';

/** A problem with one variable: what it got (masked when secret) and what it wants. */
export interface ConfigProblem {
  readonly variable: string;
  readonly got: string;
  readonly wants: string;
}

/** Thrown by `loadConfig` with every problem at once; the program prints them and exits with 78. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(({ variable, got, wants }) => `${variable}: got ${got}, wants ${wants}`).join('\n'));
    this.problems = problems;
  }
}

export type Config = Readonly<z.output<typeof environment>>;

/** Variables of which there must be both or neither. */
const PAIRS = [['SUPABASE_URL', 'SUPABASE_ANON_KEY']] as const;

const complete = environment.superRefine((config, context) => {
  for (const [one, other] of PAIRS) {
    if ((config[one] === undefined) === (config[other] === undefined)) continue;
    const [missing, given] = config[one] === undefined ? [one, other] : [other, one];
    context.addIssue({ code: 'custom', path: [missing], message: `a value, since ${given} has one` });
  }
});

const isSecret = (variable: string): boolean => /SECRET|TOKEN|_KEY$|^(DATABASE|REDIS)_URL$/u.test(variable);

/** A value fit for a terminal or a log. */
export const maskValue = (variable: string, value: unknown): string => {
  if (value === undefined) return 'nothing';
  if (isSecret(variable)) return '[secret]';
  return JSON.stringify(value).replace(/(:\/\/)[^/@\s]*@/u, '$1[secret]@');
};

/**
 * Reads the configuration from an environment. Pure: the only reader of the process's environment is
 * `app/main.ts`. An empty value counts as unset. Throws `ConfigError` with every problem.
 */
export const loadConfig = (env: Readonly<Record<string, string | undefined>>): Config => {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const result = complete.safeParse(given);
  if (result.success) return Object.freeze(result.data);
  const problems = result.error.issues.map(({ path, message }) => {
    const variable = String(path[0]);
    return {
      variable,
      got: maskValue(variable, given[variable]),
      wants: message.replace(/^Invalid option: expected /u, ''),
    };
  });
  throw new ConfigError(problems);
};
