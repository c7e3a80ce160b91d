import { cleanText } from './clean-text.ts';
import { displayWidth, padToWidth } from './display-width.ts';

/**
 * Rows of cells in aligned columns with two spaces between, each cell cleaned to one line. Columns named in `right`,
 * by index, are set to the right.
 */
export const formatTable = (
  rows: readonly (readonly string[])[],
  { right = [] }: { right?: readonly number[] } = {},
): string => {
  const clean = rows.map((row) => row.map(cleanText));
  const widths = (clean[0] ?? []).map((_, column) =>
    Math.max(...clean.map((row) => displayWidth(row[column] ?? ''))),
  );
  return clean
    .map((row) => row.map((cell, column) => padToWidth(cell, widths[column] ?? 0, side(right, column))))
    .map((cells) => `${cells.join('  ').trimEnd()}\n`)
    .join('');
};

const side = (right: readonly number[], column: number): 'left' | 'right' =>
  right.includes(column) ? 'right' : 'left';
