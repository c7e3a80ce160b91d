/** docs/logs.md is compared with what the source logs, so that whoever searches for an event finds what it means. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const sources = globSync('src/**/*.ts', { cwd: ROOT })
  .filter((path) => !path.endsWith('.test.ts'))
  .map((path) => ({ path, text: read(path) }));

/** Calls of a logger, up to the end of their first argument. */
const CALL =
  /\b(?:log|log\[level\]|logger)(?:\.(?:trace|debug|info|warn|error|fatal)|\[[^\]]+\])\(\s*(\{?[^)]*)/gu;

describe('docs/logs.md', () => {
  it('has every event that is logged, and no other', () => {
    const documented = [...read('docs/logs.md').matchAll(/^\| `([a-z_]+)` \| [a-z, ]+ \|/gmu)].map(
      ([, event]) => event,
    );
    const logged = sources.flatMap(({ text }) =>
      [...text.matchAll(/\bevent: (?:[^,'{}]*\? '([a-z_]+)' : )?'([a-z_]+)'/gu)].flatMap(([, one, other]) => [
        one,
        other,
      ]),
    );
    const events = [...new Set(logged)].filter((event) => event !== undefined);
    expect(documented.length).toBeGreaterThan(50);
    expect(documented).toEqual(events.toSorted());
  });

  it('is about every entry: none is logged without a name', () => {
    const nameless = sources.flatMap(({ path, text }) =>
      [...text.matchAll(CALL)]
        .filter(([, argument = '']) => !/^\{\s*event: /u.test(argument))
        .map(([call]) => `${path}: ${call.slice(0, 80)}`),
    );
    expect(nameless).toEqual([]);
    expect(sources.flatMap(({ text }) => [...text.matchAll(CALL)]).length).toBeGreaterThan(50);
  });
});
