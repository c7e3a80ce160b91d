/**
 * Holds the tests against the catalogue of attacks and faults that docs/reliability.md names: each line has a test that
 * cites its id in its title, or a written reason why it does not apply.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');

/** How many lines each section of the catalogue has. */
const SECTIONS = { P: 55, J: 46, U: 50, C: 26, L: 16 } as const;

const ids = Object.entries(SECTIONS).flatMap(([letter, count]) =>
  Array.from({ length: count }, (_, i) => `${letter}${String(i + 1).padStart(2, '0')}`),
);
const ID = /\b[PJUCL]\d\d\b/gu;

/** What stands in quotes: titles and the rows that fill them. A test is named there, and comments are not looked at. */
const quoted = (source: string): string =>
  [...withoutComments(source).matchAll(/'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|"(?:[^"\\\n]|\\.)*"/gu)]
    .map(([text]) => text)
    .join('\n');
const withoutComments = (source: string): string =>
  source.replace(/\/\*[\s\S]*?\*\//gu, '').replace(/^\s*\/\/.*$/gmu, '');

const tests = globSync(['src/**/*.test.ts', 'emulators/**/*.test.ts', 'test/**/*.test.ts'], {
  cwd: ROOT,
}).filter((path) => path !== join('test', 'reliability.test.ts'));
const cited = new Set(
  tests.flatMap((path) => quoted(readFileSync(join(ROOT, path), 'utf8')).match(ID) ?? []),
);

/** Rows of the table: `| U40 | why |`. */
const excuses = new Map(
  readFileSync(join(ROOT, 'docs/reliability.md'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, id, reason] = /^\|\s*([PJUCL]\d\d)\s*\|\s*(.*?)\s*\|$/u.exec(line) ?? [];
      return id === undefined || reason === undefined ? [] : [[id, reason] as const];
    }),
);

describe('the catalogue of attacks and faults', () => {
  it('has for each line a test that cites it, or a reason', () => {
    expect(ids.filter((id) => !cited.has(id) && !excuses.has(id))).toEqual([]);
  });

  it('excuses nothing that is tested, and nothing that is not in it', () => {
    expect([...excuses.keys()].filter((id) => cited.has(id))).toEqual([]);
    expect([...excuses.keys()].filter((id) => !ids.includes(id))).toEqual([]);
  });

  it('gives reasons that are sentences', () => {
    expect([...excuses].filter(([, reason]) => !/^[A-Z].{20,}\.$/u.test(reason))).toEqual([]);
  });

  it('is not cited by ids that it does not have', () => {
    expect([...cited].filter((id) => !ids.includes(id))).toEqual([]);
  });
});
