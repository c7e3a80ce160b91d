import type { Stats } from 'node:fs';
import { glob, lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { systemCode } from '../core/errors.ts';
import { CliError } from './cli-error.ts';
import { unreadable } from './unreadable.ts';

/** What one operand of `upload` names: a file to send, something that is none and is passed over, or what is wrong with it. */
export type Found =
  | { readonly kind: 'file'; readonly path: string; readonly found: Stats }
  | { readonly kind: 'input' }
  | { readonly kind: 'passed-over'; readonly path: string; readonly why: string }
  | { readonly kind: 'wrong'; readonly error: CliError };

const INPUT = '-';
const PATTERN = /[*?[\]{}]/u;

/**
 * Every file that the operands name, each once, looked for as they are asked for: files as they are, directories with all
 * that is in them in the order of their names, and patterns that the shell has left alone. A path that is there is never
 * taken for a pattern. Links to files are followed; links to directories only where they are operands themselves, so that
 * nothing goes round in circles.
 */
export async function* findUploads(operands: readonly string[]): AsyncGenerator<Found> {
  const seen = new Set<string>();
  for (const operand of operands) {
    for await (const found of findOperand(operand)) {
      const name = await nameOf(found);
      if (name !== null && seen.has(name)) continue;
      if (name !== null) seen.add(name);
      yield found;
    }
  }
}

/** The same for the same entry of the same directory, by whatever way it was reached; a link is another entry than its file. */
const nameOf = async (found: Found): Promise<string | null> => {
  if (found.kind === 'input') return INPUT;
  if (found.kind === 'wrong') return null;
  const path = resolve(found.path);
  const directory = await realpath(dirname(path)).catch(() => dirname(path));
  return join(directory, basename(path));
};

async function* findOperand(operand: string): AsyncGenerator<Found> {
  if (operand === INPUT) {
    yield { kind: 'input' };
    return;
  }
  try {
    const found = await stat(operand);
    if (!found.isDirectory()) yield { kind: 'file', path: operand, found };
    else yield* orEmpty(walk(operand), `${operand} has no files in it; nothing of it was sent.`);
  } catch (error) {
    if (PATTERN.test(operand) && !(await isThere(operand))) {
      yield* orEmpty(expand(operand), `${operand} matches nothing that is there; check the pattern.`);
    } else yield { kind: 'wrong', error: unreadable(operand, error) };
  }
}

/** Also of a link that leads nowhere. */
const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

async function* orEmpty(all: AsyncIterable<Found>, message: string): AsyncGenerator<Found> {
  let isEmpty = true;
  for await (const found of all) {
    if (found.kind !== 'passed-over') isEmpty = false;
    yield found;
  }
  if (isEmpty) yield { kind: 'wrong', error: new CliError('unreadable', message) };
}

async function* expand(pattern: string): AsyncGenerator<Found> {
  for await (const path of glob(pattern)) yield* look(path);
}

/** Names are read a directory at a time and no directory stays open: it may take hours until the next name is asked for. */
async function* walk(directory: string): AsyncGenerator<Found> {
  let names: string[];
  try {
    names = (await readdir(directory)).toSorted();
  } catch (error) {
    yield { kind: 'wrong', error: unreadable(directory, error) };
    return;
  }
  for (const name of names) yield* look(join(directory, name));
}

/** What was come upon, not named: only what is a file, or leads to one, is sent. */
async function* look(path: string): AsyncGenerator<Found> {
  try {
    const entry = await lstat(path);
    if (entry.isDirectory()) {
      yield* walk(path);
      return;
    }
    const found = entry.isSymbolicLink() ? await stat(path) : entry;
    const why = found.isDirectory() ? 'is a link to a directory' : 'is no file';
    yield found.isFile() ? { kind: 'file', path, found } : { kind: 'passed-over', path, why };
  } catch (error) {
    // Dangling, or in a circle; the link is there and cannot be mended by trying again.
    const isLink = systemCode(error) === 'ENOENT' || systemCode(error) === 'ELOOP';
    yield isLink
      ? { kind: 'passed-over', path, why: 'is a link that leads nowhere' }
      : { kind: 'wrong', error: unreadable(path, error) };
  }
}
