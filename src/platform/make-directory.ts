import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from '../core/errors.ts';

const PRIVATE = 0o700;

/**
 * Makes `directory` where it is missing, and what is missing above it, for their owner alone. Throws what the system says. Node's
 * `recursive` does the same, but never returns below a directory in which nothing can be made, such as `/proc`.
 */
export const makeDirectory = (directory: string): void => {
  const above = dirname(directory);
  if (!isDirectory(above) && above !== directory) makeDirectory(above);
  try {
    mkdirSync(directory, { mode: PRIVATE });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST' || !isDirectory(directory)) throw error;
  }
};

const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
