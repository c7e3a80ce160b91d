import { describe, expect, it } from 'vitest';
import { cutToWidth, displayWidth } from './display-width.ts';
import { formatTable } from './format-table.ts';

describe('a table', () => {
  it('is aligned, also where characters take two columns or none', () => {
    const rows = [
      ['NAME', 'SIZE', 'STATUS'],
      ['报告.pdf', '1 KB', 'processed'],
      ['e\u0301.txt', '12.5 MB', 'error'],
    ];
    expect(formatTable(rows, { right: [1] })).toBe(
      [
        'NAME         SIZE  STATUS',
        '报告.pdf     1 KB  processed',
        'e\u0301.txt     12.5 MB  error',
        '',
      ].join('\n'),
    );
  });

  it('stays one whatever is in its cells', () => {
    expect(formatTable([['a\nb\u001b[2J', 'c']])).toBe('a b\ufffd[2J  c\n');
  });

  it('of nothing is nothing', () => {
    expect(formatTable([])).toBe('');
  });
});

describe('a text that is too wide', () => {
  it.each([
    ['report.pdf', 10, 'report.pdf'],
    ['report.pdf', 7, 'report…'],
    ['报告报告', 6, '报告…'],
  ])('"%s" in %d columns is "%s"', (text, columns, cut) => {
    expect(cutToWidth(text, columns)).toBe(cut);
    expect(displayWidth(cut)).toBeLessThanOrEqual(columns);
  });
});
