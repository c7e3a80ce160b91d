import { systemCode } from '../core/errors.ts';
import { CliError } from './cli-error.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist; check the path',
  ENOTDIR: 'does not exist; check the path',
  ELOOP: 'is a link that leads round in a circle; name the file itself',
  EACCES: 'may not be read by you; check its permissions',
  EPERM: 'may not be read by you; check its permissions',
  ENAMETOOLONG: 'is too long for a path; check the path',
};

/** What reading a path failed with, as a sentence. */
export const unreadable = (path: string, cause: unknown): CliError => {
  const code = systemCode(cause) ?? 'unknown error';
  return new CliError(
    'unreadable',
    `${path} ${REASONS[code] ?? `cannot be read (${code}); check the disk`}.`,
    { cause },
  );
};
