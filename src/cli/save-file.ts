import { randomBytes } from 'node:crypto';
import { link, lstat, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCode } from '../core/errors.ts';
import { cleanFilename } from '../core/filename.ts';
import { CliError } from './cli-error.ts';

/**
 * Where to save: the path asked for, with the file's own name if that is a directory, else that name in the working
 * directory. Rejects with `CliError` `unwritable` when something is there, unless forced, or the name cannot be one.
 */
export const chooseTarget = async (
  filename: string,
  { output, isForced }: { output: string | undefined; isForced: boolean },
): Promise<string> => {
  const isDirectory =
    output !== undefined && ((await stat(output).catch(() => null))?.isDirectory() ?? false);
  const target = output === undefined || isDirectory ? join(output ?? '.', nameOf(filename)) : output;
  if (!isForced && (await lstat(target).catch(() => null)) !== null) throw occupied(target);
  return target;
};

/**
 * Writes the bytes under a temporary name beside the target, and gives them their own once all are there and on the
 * disk. Rejects with what the bytes failed with or `CliError` `unwritable`, and leaves nothing then.
 */
export const saveFile = async (
  body: AsyncIterable<Uint8Array>,
  { target, isForced }: { target: string; isForced: boolean },
): Promise<void> => {
  const unfinished = join(dirname(target), `.waybill-${randomBytes(6).toString('hex')}.part`);
  try {
    const handle = await open(unfinished, 'wx').catch(unwritable(target));
    try {
      for await (const chunk of body) await handle.writeFile(chunk).catch(unwritable(target));
      await handle.sync().catch(unwritable(target));
    } finally {
      await handle.close();
    }
    if (isForced) await rename(unfinished, target).catch(unwritable(target));
    else await linkOrRename(unfinished, target);
  } finally {
    await rm(unfinished, { force: true });
  }
};

/** A link fails where something has come to be meanwhile; a rename would replace it. Not every file system has links. */
const linkOrRename = async (unfinished: string, target: string): Promise<void> => {
  try {
    await link(unfinished, target);
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw occupied(target);
    await rename(unfinished, target).catch(unwritable(target));
  }
};

const nameOf = (filename: string): string => {
  try {
    return cleanFilename(filename);
  } catch (cause) {
    throw new CliError(
      'unwritable',
      'The name of the file is not fit for a disk; name another with -o FILE.',
      { cause },
    );
  }
};

const occupied = (target: string): CliError =>
  new CliError(
    'unwritable',
    `${target} is there already; use --force to replace it or -o FILE for another name.`,
  );

const unwritable =
  (target: string) =>
  (cause: unknown): never => {
    const message = `${target} cannot be written (${systemCode(cause) ?? 'unknown error'}); name another place with -o FILE.`;
    throw new CliError('unwritable', message, { cause });
  };
