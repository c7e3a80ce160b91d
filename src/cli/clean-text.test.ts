import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanLines, cleanText } from './clean-text.ts';

const DANGEROUS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

describe('a text of somebody else', () => {
  it('has nothing left that a terminal obeys, whatever it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(cleanText(text)).not.toMatch(DANGEROUS);
      }),
    );
  });

  it.each([
    ['colours', 'a\u001b[31mred', 'a\ufffd[31mred'],
    ['a title with the eighth bit', '\u009d0;title\u009c', '\ufffd0;title\ufffd'],
    ['line breaks', 'one\r\ntwo\nthree', 'one two three'],
    ['a reversed extension', 'photo\u202egpj.exe', 'photogpj.exe'],
  ])('loses %s', (_, text, clean) => {
    expect(cleanText(text)).toBe(clean);
  });

  it('stays as it is otherwise', () => {
    expect(cleanText('Füße – 报告 🎉.pdf')).toBe('Füße – 报告 🎉.pdf');
  });

  it('keeps its lines where it has many', () => {
    expect(cleanLines('one\r\n\ttwo\u001b]0;x\u0007\rthree\n')).toBe(
      'one\n\ttwo\ufffd]0;x\ufffd\ufffdthree\n',
    );
  });
});
