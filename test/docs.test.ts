/** Documentation that repeats the code is compared with it, so that it cannot drift. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorCatalogue } from '../src/core/errors.ts';
import { environment } from '../src/platform/environment.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The cells of every table row whose first cell is a code span. */
const rows = (markdown: string): string[][] =>
  markdown
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(1, -1)
        .split(' | ')
        .map((cell) => cell.trim().replace(/^`([^`]*)`$/u, '$1')),
    );

describe('docs/errors.md', () => {
  it('has every code with its status and retry class, and no other', () => {
    const documented = rows(read('docs/errors.md')).map(([code, status, again]) => [code, status, again]);
    const catalogue = Object.entries(errorCatalogue).map(([code, { httpStatus, retry }]) => [
      code,
      String(httpStatus),
      retry,
    ]);
    expect(documented).toEqual(catalogue);
  });
});

describe('docs/configuration.md', () => {
  it('has every variable with its default and meaning, and no other', () => {
    const documented = rows(read('docs/configuration.md'));
    const schema = Object.entries(environment.shape).map(([name, type]) => [
      name,
      defaultOf(type),
      type.description,
    ]);
    expect(documented).toEqual(schema);
  });

  it.each(['.env.dev', '.env.prod'])('names only variables that exist in %s', (file) => {
    const named = [...read(file).matchAll(/\b([A-Z][A-Z0-9]*_[A-Z0-9_]+|HOST|PORT)=/gu)].map(
      ([, name]) => name,
    );
    expect(named.length).toBeGreaterThan(1);
    expect(named.filter((name) => !(String(name) in environment.shape))).toEqual([]);
  });

  it('stays small: schema and templates in under 200 lines', () => {
    const lines = ['src/platform/environment.ts', '.env.dev', '.env.prod'].map(
      (path) => read(path).trimEnd().split('\n').length,
    );
    expect(lines.reduce((sum, count) => sum + count, 0)).toBeLessThan(200);
  });
});

/** The default as the schema is written with it, before units are read. */
const defaultOf = (type: (typeof environment.shape)[keyof typeof environment.shape]): string => {
  const { def } = type;
  return 'defaultValue' in def ? String(def.defaultValue) : '–';
};
