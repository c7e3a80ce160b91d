import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../core/errors.ts';

const SECRET_BYTES = 32;

/**
 * The secret that signs tokens: the configured one, else the one generated at the first start and kept in the data
 * directory, readable by its owner only.
 */
export const loadJwtSecret = async (
  configured: string | undefined,
  dataDirectory: string,
): Promise<string> => {
  if (configured !== undefined) return configured;
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  const path = join(dataDirectory, 'jwt-secret');
  try {
    const file = await open(path, 'wx', 0o600);
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    await file.writeFile(secret);
    await file.sync();
    await file.close();
    return secret;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    return await readFile(path, 'utf8');
  }
};
