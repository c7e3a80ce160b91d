import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { writeOnce } from '../platform/write-once.ts';

/** The name of this installation, made at its first start and kept in the data directory. */
export const installationName = (dataDirectory: string): Promise<string> =>
  writeOnce(join(dataDirectory, 'installation'), randomUUID());
