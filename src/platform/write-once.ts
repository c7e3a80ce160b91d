import { randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { systemCode } from '../core/errors.ts';

/**
 * Makes a private file (0600) with this text unless there is one, and answers with what it holds. Of several at once, one
 * wins and all get its text. Written under another name first: whoever finds the file finds all of it, also after a crash.
 */
export const writeOnce = async (path: string, text: string): Promise<string> => {
  const unfinished = `${path}.tmp-${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(unfinished, text, { flag: 'wx', mode: 0o600, flush: true });
    await link(unfinished, path);
    return text;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    return await readFile(path, 'utf8');
  } finally {
    await rm(unfinished, { force: true });
  }
};
