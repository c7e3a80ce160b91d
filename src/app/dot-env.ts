import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { systemCode } from '../core/errors.ts';
import { StartupError } from '../platform/startup-error.ts';

/** The variables of a `.env` file; none when there is no such file. Throws `StartupError` when it cannot be read. */
export const readDotEnv = (path: string): Readonly<Record<string, string | undefined>> => {
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return {};
    throw new StartupError(
      `${path} cannot be read (${systemCode(error) ?? 'unknown error'}); mend it or remove it.`,
      {
        exitCode: 78,
        cause: error,
      },
    );
  }
};
