import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { kinds } from './kinds.ts';

it('M15 the table of kinds is the one in docs/content.md', () => {
  const documented = readFileSync('docs/content.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  const rows = kinds.map(
    ({ mediaType, family, extensions, isAccepted }) =>
      `| \`${mediaType}\` | ${family} | ${extensions.join(' ') || '–'} | ${isAccepted ? 'yes' : 'no'} |`,
  );
  expect(documented).toEqual(rows);
});

it('no extension and no media type stands for two kinds', () => {
  for (const keys of [
    kinds.flatMap(({ extensions }) => extensions),
    kinds.flatMap((kind) => [kind.mediaType, ...kind.aliases]),
  ]) {
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
  }
});
