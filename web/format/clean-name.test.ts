import { expect, it } from 'vitest';
import { cleanName } from './clean-name.ts';

it('shows what a name is', () => {
  expect(cleanName('invoice\u202efdp.exe')).toBe('invoice\ufffdfdp.exe');
  expect(cleanName('a\nb\u0000\u200b.txt')).toBe('a\ufffdb\ufffd\ufffd.txt');
  expect(cleanName('r\u00e9sum\u00e9 \u4f60\u597d.pdf')).toBe('r\u00e9sum\u00e9 \u4f60\u597d.pdf');
});
