import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GatewayError } from './errors.ts';
import { cleanFilename, extensionOf } from './filename.ts';

const refusal = (raw: string): unknown => {
  try {
    return cleanFilename(raw);
  } catch (error) {
    return error instanceof GatewayError ? error.code : error;
  }
};

describe('cleanFilename', () => {
  it.each([
    ['report.pdf', 'report.pdf'],
    ['/etc/passwd', 'passwd'],
    ['../../etc/passwd', 'passwd'],
    ['..\\..\\boot.ini', 'boot.ini'],
    ['C:\\Project\\a.pdf', 'a.pdf'],
    ['mixed/..\\name.txt', 'name.txt'],
    ['  padded.txt  ', 'padded.txt'],
    ['.env', '.env'],
    ['no extension', 'no extension'],
    ['größe 漢字 🧾.txt', 'größe 漢字 🧾.txt'],
    ['invoice\u202efdp.exe', 'invoicefdp.exe'],
    ['zero\u200bwidth.txt', 'zerowidth.txt'],
    ['\ufeffbom.txt', 'bom.txt'],
    ['half\ud83d.txt', 'half\ufffd.txt'],
    ['quote".txt', 'quote".txt'],
    ['a;b=c%2f.txt', 'a;b=c%2f.txt'],
    ['__proto__', '__proto__'],
  ])('makes %j into %j', (raw, clean) => {
    expect(cleanFilename(raw)).toBe(clean);
  });

  it.each([
    ['', 'nothing'],
    ['   ', 'blanks'],
    ['.', 'a dot'],
    ['..', 'two dots'],
    ['a/..', 'a directory that ends in dots'],
    ['.\u200b.', 'dots with something invisible between'],
    ['dir/', 'a directory'],
    ['\u202e\u200b', 'only invisible characters'],
    ['a\0.txt', 'NUL'],
    ['a\r\nX: y.txt', 'a line break'],
    ['a\u001b[31m.txt', 'an escape sequence'],
    ['a\u0085.txt', 'a C1 control'],
    ['a\u2028.txt', 'a line separator'],
    ['dir\n/ok.txt', 'a control character in the directory'],
    ['.'.repeat(300) + 'x'.repeat(40), 'dots once it is cut'],
  ])('refuses %j: %s', (raw) => {
    expect(refusal(raw)).toBe('invalid_filename');
  });

  it.each([
    ['a'.repeat(400), 255],
    [`${'a'.repeat(400)}.pdf`, 255],
    [`${'漢'.repeat(200)}.docx`, 254],
    [`${'🧾'.repeat(100)}.md`, 255],
    [`x.${'y'.repeat(400)}`, 255],
  ])('cuts a long name, %# of the table, to at most 255 bytes', (raw, bytes) => {
    const clean = cleanFilename(raw);
    expect(Buffer.byteLength(clean)).toBeLessThanOrEqual(255);
    expect(Buffer.byteLength(clean)).toBeGreaterThan(bytes - 4);
    expect(clean.isWellFormed()).toBe(true);
  });

  it('keeps something of a name that is one long run of combining marks', () => {
    const clean = cleanFilename(`e${'\u0301'.repeat(300)}.pdf`);
    expect(clean).toMatch(/^e\u0301+\.pdf$/u);
    expect(cleanFilename(`e${'\u0301'.repeat(300)}`)).toMatch(/^e\u0301+$/u);
  });

  it('leaves no blank at the end where it cuts', () => {
    expect(cleanFilename(`${'a'.repeat(254)} ${'b'.repeat(50)}`)).toBe('a'.repeat(254));
  });

  it('cleans a name of a megabyte quickly', () => {
    expect(Buffer.byteLength(cleanFilename(`${'x"\\.'.repeat(2 ** 18)}z.txt`))).toBeLessThanOrEqual(255);
  });
});

describe('cleanFilename, for any name', () => {
  const alphabet = fc.constantFrom(
    ...'abcXYZ019 ._-/\\:%"\'',
    '\0',
    '\n',
    '\u202e',
    '\u200b',
    '\ufeff',
    '\u3000',
    '\u0301',
    'é',
    '漢',
    '🧾',
    '\ud83d',
    '\u2028',
  );
  const names = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme', maxLength: 400 }),
    fc.string({ unit: alphabet, maxLength: 600, size: 'max' }),
  );
  /** Runs `check` on every name that is accepted; a refusal has to be the documented one. */
  const forAccepted = (check: (clean: string, raw: string) => void): void =>
    fc.assert(
      fc.property(names, (raw) => {
        const clean = refusal(raw);
        expect(clean).toBeTypeOf('string');
        if (clean !== 'invalid_filename') check(String(clean), raw);
      }),
      { numRuns: 500 },
    );

  it('never has a separator, a control character or half a character', () => {
    forAccepted((clean) => {
      expect(clean).not.toMatch(/[/\\\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
      expect(clean.isWellFormed()).toBe(true);
    });
  });

  it('is never empty, a dot name, padded, or longer than 255 bytes', () => {
    forAccepted((clean) => {
      expect(clean).not.toMatch(/^\.*$/u);
      expect(clean.trim()).toBe(clean);
      expect(Buffer.byteLength(clean)).toBeLessThanOrEqual(255);
    });
  });

  it('changes nothing the second time', () => {
    forAccepted((clean) => expect(cleanFilename(clean)).toBe(clean));
  });

  it('keeps an ordinary extension, however long the name', () => {
    const stems = fc.string({
      unit: fc.constantFrom('a', ' ', '.', 'é', '漢', '\u0301'),
      minLength: 1,
      maxLength: 600,
      size: 'max',
    });
    const extensions = fc.stringMatching(/^[a-z0-9]{1,20}$/u);
    fc.assert(
      fc.property(stems, extensions, (stem, extension) => {
        expect(extensionOf(cleanFilename(`a${stem}.${extension}`))).toBe(extension);
      }),
      { numRuns: 300 },
    );
  });
});

describe('extensionOf', () => {
  it.each([
    ['report.PDF', 'pdf'],
    ['archive.tar.gz', 'gz'],
    ['.env', ''],
    ['plain', ''],
    ['trailing.', ''],
  ])('of %j is %j', (name, extension) => {
    expect(extensionOf(name)).toBe(extension);
  });
});
