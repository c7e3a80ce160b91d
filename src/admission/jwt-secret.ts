import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../core/errors.ts';
import { makeDirectory } from '../platform/make-directory.ts';
import { StartupError } from '../platform/startup-error.ts';
import { writeOnce } from '../platform/write-once.ts';

const SECRET_BYTES = 32;

/**
 * The secret that signs tokens: the configured one, else the one generated at the first start and kept in the data
 * directory, readable by its owner only. Starts at the same time get the same one. Rejects with `StartupError` when
 * the file holds no such secret.
 */
export const loadJwtSecret = async (
  configured: string | undefined,
  dataDirectory: string,
): Promise<string> => {
  if (configured !== undefined) return configured;
  makeDirectory(dataDirectory);
  const path = join(dataDirectory, 'jwt-secret');
  return (await readSecret(path)) ?? (await writeOnce(path, randomBytes(SECRET_BYTES).toString('base64url')));
};

/** Null when there is no file. */
const readSecret = async (path: string): Promise<string | null> => {
  try {
    const secret = (await readFile(path, 'utf8')).trim();
    if (secret.length >= SECRET_BYTES) return secret;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
  throw new StartupError(
    `${path} holds no secret of at least ${SECRET_BYTES} bytes; delete it to have one made, or set JWT_SECRET_KEY.`,
    { exitCode: 78 },
  );
};
