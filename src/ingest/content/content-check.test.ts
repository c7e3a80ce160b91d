import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bmp,
  compound,
  docx,
  epub,
  gif,
  jar,
  jpeg,
  mp4,
  pdf,
  png,
  programs,
  tiff,
  webp,
  xlsx,
} from '../../../test/support/make-content.ts';
import { makeZip } from '../../../test/support/make-zip.ts';
import { GatewayError } from '../../core/errors.ts';
import { mediaTypeOf } from '../media-type.ts';
import { type Content, createContent } from './content.ts';
import { readAt, sourceOf } from './source.ts';

const content = createContent();
const anything = createContent({ allowedTypes: ['*'] });

interface Brought {
  readonly filename: string;
  readonly bytes: Buffer | string;
  readonly declared?: string | undefined;
  readonly by?: Content;
  /** How the bytes come. */
  readonly pieceBytes?: number;
}

/** The media type recorded, or the code of the refusal. */
const bring = async ({ filename, bytes: given, declared, by = content, pieceBytes = 65_536 }: Brought) => {
  const bytes = Buffer.from(given);
  const source = sourceOf(bytes);
  const check = by.check({ filename, mediaType: mediaTypeOf(declared, filename) });
  try {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      await check.take(bytes.subarray(at, at + pieceBytes), at, (end) => readAt(source, 0, end));
    }
    return await check.finish(source);
  } catch (error) {
    if (error instanceof GatewayError) return error.code;
    throw error;
  }
};

const OOXML = 'application/vnd.openxmlformats-officedocument';

describe('what the content is', () => {
  it.each(Object.entries(programs))('C01 shows %s under any harmless name', async (_, bytes) => {
    for (const filename of ['a.pdf', 'a.txt', 'a.png', 'a.docx']) {
      expect(await bring({ filename, bytes })).toBe('type_mismatch');
      expect(await bring({ filename, bytes, by: anything })).toBe('type_mismatch');
    }
    expect(await bring({ filename: 'a', bytes })).toBe('type_not_allowed');
  });

  it('C02 M15 wins over what was declared', async () => {
    expect(await bring({ filename: 'a', bytes: png(), declared: 'application/pdf' })).toBe('type_mismatch');
    expect(await bring({ filename: 'a', bytes: pdf(), declared: 'image/png' })).toBe('type_mismatch');
    expect(await bring({ filename: 'a.png', bytes: pdf() })).toBe('type_mismatch');
    expect(await bring({ filename: 'a', bytes: pdf(), declared: 'text/plain' })).toBe('type_mismatch');
    expect(await bring({ filename: 'a', bytes: 'words', declared: 'audio/unheard-of' })).toBe(
      'type_mismatch',
    );
  });

  it.each([
    ['notes.txt', 'Grüße', 'text/plain'],
    ['notes.md', '# Title\n', 'text/markdown'],
    ['rows.csv', 'a;b\n1;2\n', 'text/csv'],
    ['a.jsonl', '{}\n{}\n', 'application/jsonl'],
    ['a.ts', 'export const a = 1;\n', 'text/x-typescript'],
    ['a.py', '#!/usr/bin/env python\n', 'text/x-python'],
    ['a.sh', '#!/bin/sh\nrm -rf /\n', 'application/x-sh'],
    ['a.js', 'alert(1)', 'text/javascript'],
    ['a.php', '<?php phpinfo();', 'text/x-php'],
    ['Makefile', 'all:\n\techo\n', 'text/plain'],
    ['BMW.txt', 'BM is how a bitmap begins', 'text/plain'],
    ['mz.txt', 'MZ is how a program begins', 'text/plain'],
    ['gif.txt', 'GIF89a is how a picture begins', 'text/plain'],
    ['a.unheard-of', 'words', 'text/plain'],
    ['terminal.log', `\u001b[31mred\u001b[0m\r\n`.repeat(50), 'text/plain'],
  ])('C03 accepts text without a magic number: %s', async (filename, bytes, mediaType) => {
    expect(await bring({ filename, bytes })).toBe(mediaType);
  });

  it('C03 accepts whatever text, under a name of text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[\p{L}\p{N}\p{P}\p{Zs}\n\t]+$/u), async (text) => {
        fc.pre(!text.startsWith('%PDF-'));
        expect(await bring({ filename: 'a.txt', bytes: text })).toBe('text/plain');
      }),
    );
  });

  it('C04 refuses binary declared as text, wherever its first NUL is', async () => {
    const late = Buffer.concat([Buffer.alloc(300_000, 'words '), Buffer.from([0]), Buffer.from('more')]);
    expect(await bring({ filename: 'a', bytes: 'a\0b', declared: 'text/plain' })).not.toBe('text/plain');
    expect(await bring({ filename: 'a.txt', bytes: 'a\0b' })).toBe('type_mismatch');
    expect(await bring({ filename: 'a.txt', bytes: late })).toBe('unsafe_content');
    expect(await bring({ filename: 'a.txt', bytes: late, pieceBytes: 1_000 })).toBe('unsafe_content');
  });

  it('C05 accepts text in UTF-16 and in older encodings', async () => {
    const text = 'Größe: 10 Ā\n'.repeat(1_000);
    const utf16 = Buffer.from(`\ufeff${text}`, 'utf16le');
    const gb18030 = Buffer.from('c4e3bac3cac0bde70a', 'hex');
    for (const bytes of [
      Buffer.from(`\ufeff${text}`),
      utf16,
      Buffer.from(utf16).swap16(),
      Buffer.from('Größe', 'latin1'),
      gb18030,
    ]) {
      expect(await bring({ filename: 'a.txt', bytes })).toBe('text/plain');
      expect(await bring({ filename: 'a.txt', bytes, pieceBytes: 777 })).toBe('text/plain');
    }
    const broken = Buffer.concat([utf16, Buffer.alloc(400)]);
    expect(await bring({ filename: 'a.txt', bytes: broken })).toBe('unsafe_content');
  });

  it.each([
    ['a.pdf', pdf(), 'application/pdf'],
    ['a.png', png(), 'image/png'],
    ['a.JPG', jpeg(), 'image/jpeg'],
    ['a.gif', gif(), 'image/gif'],
    ['a.webp', webp(), 'image/webp'],
    ['a.bmp', bmp(), 'image/bmp'],
    ['a.tiff', tiff(), 'image/tiff'],
    ['a.mp4', mp4(), 'video/mp4'],
    ['a.m4a', mp4('M4A '), 'audio/mp4'],
    ['a.mov', mp4('qt  '), 'video/quicktime'],
    ['a.heic', mp4('heic'), 'image/heic'],
    ['a.doc', compound(), 'application/msword'],
    ['a.docx', docx(), `${OOXML}.wordprocessingml.document`],
    ['a.xlsx', xlsx(), `${OOXML}.spreadsheetml.sheet`],
    ['a.epub', epub(), 'application/epub+zip'],
    ['a.zip', makeZip([{ name: 'a.txt', content: 'words' }]), 'application/zip'],
    ['report', pdf(), 'application/pdf'],
  ])('M15 is recorded as found: %s', async (filename, bytes, mediaType) => {
    expect(await bring({ filename, bytes })).toBe(mediaType);
    expect(await bring({ filename, bytes, declared: 'application/octet-stream' })).toBe(mediaType);
    expect(await bring({ filename, bytes, pieceBytes: 7 })).toBe(mediaType);
  });

  it('C06 is one thing only: an archive behind a picture or a document is refused', async () => {
    for (const [filename, front] of [
      ['a.gif', gif()],
      ['a.png', png()],
      ['a.jpg', jpeg()],
      ['a.pdf', pdf()],
    ] as const) {
      expect(await bring({ filename, bytes: Buffer.concat([front, jar()]) })).toBe('unsafe_content');
    }
    expect(await bring({ filename: 'a.zip', bytes: Buffer.concat([gif(), jar()]) })).toBe('type_mismatch');
    expect(await bring({ filename: 'a.gif', bytes: 'GIF89a=1;alert(1)' })).toBe('type_mismatch');
    expect(await bring({ filename: 'a.pdf', bytes: `MZ words before\n${pdf().toString('latin1')}` })).toBe(
      'type_mismatch',
    );
    // Markup in a picture harms nobody whom it is not shown to as a page.
    const marked = Buffer.concat([png(), Buffer.from('<script>alert(1)</script>')]);
    expect(await bring({ filename: 'a.png', bytes: marked })).toBe('image/png');
    expect(await bring({ filename: 'a.html', bytes: marked })).toBe('type_mismatch');
  });

  it('C07 tells SVG and HTML from pictures: they are text', async () => {
    expect(await bring({ filename: 'a.svg', bytes: '<svg onload="alert(1)"/>' })).toBe('image/svg+xml');
    expect(await bring({ filename: 'a.html', bytes: '<script></script>' })).toBe('text/html');
    expect(await bring({ filename: 'a.png', bytes: '<svg/>' })).toBe('type_mismatch');
  });

  it('C08 reads no markup of a document: an external entity stays words', async () => {
    const xxe = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>';
    const bytes = docx([{ name: 'word/settings.xml', content: xxe }]);
    expect(await bring({ filename: 'a.docx', bytes })).toBe(`${OOXML}.wordprocessingml.document`);
  });

  it.each([
    ['photo.jpg.php', jpeg(), 'type_mismatch'],
    ['report.pdf.exe', pdf(), 'type_not_allowed'],
    ['REPORT.EXE', 'words', 'type_not_allowed'],
    ['report.exe. .', 'words', 'type_not_allowed'],
    ['report.pdf.', png(), 'type_mismatch'],
    ['report.pdf.', pdf(), 'application/pdf'],
    ['report.pdf%00.png', png(), 'type_mismatch'],
    ['report.р\u0064f', pdf(), 'type_mismatch'],
    ['report.\uff45\uff58\uff45', 'words', 'type_not_allowed'],
    ['page.jar', jar(), 'type_not_allowed'],
    ['page.zip', jar(), 'type_not_allowed'],
    ['отчёт.документ', 'слова', 'text/plain'],
  ])('C09 goes by the last real extension: %s', async (filename, bytes, expected) => {
    expect(await bring({ filename, bytes })).toBe(expected);
  });

  it.each(['image/png, text/html', 'text/html; charset=a; charset=b', 'garbage', 'a/b/c', '/', 'image/'])(
    'C10 takes a malformed or empty declaration for none: %s',
    async (declared) => {
      const isType = declared.startsWith('text/html;');
      expect(await bring({ filename: 'a', bytes: png(), declared })).toBe(
        isType ? 'type_mismatch' : 'image/png',
      );
    },
  );

  it.each([
    ['a.ts', 'video/mp2t', 'export {};', 'text/x-typescript'],
    ['a.csv', 'application/vnd.ms-excel', 'a;b', 'text/csv'],
    ['a.rs', 'application/rls-services+xml', 'fn main() {}', 'text/plain'],
    ['a.xml', 'text/xml', '<a/>', 'text/xml'],
    ['a.json', 'text/plain', '{}', 'text/plain'],
    ['a.docx', 'application/zip', docx(), `${OOXML}.wordprocessingml.document`],
    ['a.zip', 'application/x-zip-compressed', makeZip([{ name: 'a' }]), 'application/zip'],
    ['a.m4a', 'video/mp4', mp4(), 'audio/mp4'],
    ['a.toml', 'application/x-own', 'a = 1', 'application/x-own'],
  ])(
    'is not refused for what clients commonly declare: %s as %s',
    async (filename, declared, bytes, expected) => {
      expect(await bring({ filename, declared, bytes })).toBe(expected);
    },
  );

  it('C17 is told at once of the shortest beginnings', async () => {
    const asf = Buffer.concat([Buffer.from('3026b2758e66cf11a6d900aa0062ce6c', 'hex'), Buffer.alloc(39)]);
    expect(asf).toHaveLength(55);
    const magics = [
      '89504e',
      'ffd8',
      'ff',
      '25504446',
      '504b',
      '504b0304',
      '1f8b',
      '4d5a00',
      '00',
      'd0cf11e0',
      '49492a00',
    ];
    const started = performance.now();
    for (const by of [content, anything]) {
      await bring({ filename: 'a.wmv', bytes: asf, by });
      for (const magic of magics) await bring({ filename: 'a.bin', bytes: Buffer.from(magic, 'hex'), by });
      await bring({ filename: 'a', bytes: Buffer.alloc(0), by });
    }
    expect((performance.now() - started) / 26).toBeLessThan(100);
  });

  it('C18 is told without a crash or a loop of any mutated header', async () => {
    const seeds = [
      png(),
      gif(),
      jpeg(),
      webp(),
      bmp(),
      tiff(),
      pdf(),
      mp4(),
      compound(),
      docx(),
      epub(),
      jar(),
      ...Object.values(programs),
    ];
    let slowestMs = 0;
    const change = fc.tuple(fc.nat(700), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...seeds),
        fc.array(change, { maxLength: 30 }),
        fc.nat(700),
        async (seed, changes, cut) => {
          const bytes = Buffer.from(seed.subarray(0, cut > 600 ? seed.length : cut));
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          const started = performance.now();
          await bring({ filename: 'a', bytes, by: anything });
          slowestMs = Math.max(slowestMs, performance.now() - started);
        },
      ),
      { numRuns: 10_000 },
    );
    // On a machine that does other things as well; a loop would never end.
    expect(slowestMs).toBeLessThan(1_000);
  }, 120_000);

  it('C19 is not sought in the objects of a PDF', async () => {
    const bytes = pdf('1 0 obj << /Kids [1 0 R] >> endobj\n'.repeat(500_000));
    const started = performance.now();
    expect(await bring({ filename: 'a.pdf', bytes })).toBe('application/pdf');
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('the policy', () => {
  const noise = Buffer.from(Array.from({ length: 5_000 }, (_, index) => (index * 7_919) % 251));

  it('M15 refuses binary of no known type, with a clear word', async () => {
    expect(await bring({ filename: 'a.bin', bytes: noise })).toBe('type_not_allowed');
    expect(await bring({ filename: 'a.txt', bytes: noise })).toBe('type_mismatch');
  });

  it('is narrowed by a list of types and ranges', async () => {
    const by = createContent({ allowedTypes: ['text/*', 'application/pdf'] });
    expect(await bring({ filename: 'a.md', bytes: 'words', by })).toBe('text/markdown');
    expect(await bring({ filename: 'a.pdf', bytes: pdf(), by })).toBe('application/pdf');
    for (const [filename, bytes] of [
      ['a.png', png()],
      ['a.json', '{}'],
      ['a.docx', docx()],
      ['a.bin', noise],
    ] as const) {
      expect(await bring({ filename, bytes, by })).toBe('type_not_allowed');
    }
    const documents = createContent({ allowedTypes: [`${OOXML}.wordprocessingml.document`] });
    expect(await bring({ filename: 'a', bytes: docx(), by: documents })).toBe(
      `${OOXML}.wordprocessingml.document`,
    );
    expect(await bring({ filename: 'a', bytes: xlsx(), by: documents })).toBe('type_not_allowed');
  });

  it('is widened by *, yet not to what pretends', async () => {
    expect(await bring({ filename: 'a.bin', bytes: noise, by: anything })).toBe('application/octet-stream');
    expect(await bring({ filename: 'a.jar', bytes: jar(), by: anything })).toBe('application/java-archive');
    expect(await bring({ filename: 'a.exe', bytes: programs.PE, by: anything })).toBe(
      'application/x-msdownload',
    );
    expect(await bring({ filename: 'a.png', bytes: noise, by: anything })).toBe('type_mismatch');
    expect(await bring({ filename: 'a.png', bytes: programs.PE, by: anything })).toBe('type_mismatch');
  });

  it('refuses installers and documents with macros', async () => {
    const installer = compound(Buffer.from('84100c0000000000c000000000000046', 'hex'));
    expect(await bring({ filename: 'a.doc', bytes: installer })).toBe('type_not_allowed');
    const macros = docx([{ name: 'word/vbaProject.bin', content: 'x' }]);
    expect(await bring({ filename: 'a.docx', bytes: macros })).toBe('type_mismatch');
    expect(await bring({ filename: 'a', bytes: macros })).toBe('type_not_allowed');
  });

  it('judges another name for bytes that are known by what they are', () => {
    const claim = (filename: string, declared?: string) => ({
      filename,
      mediaType: mediaTypeOf(declared, filename),
    });
    const refusal = (mediaType: string, filename: string) => {
      try {
        return content.fits(mediaType, claim(filename));
      } catch (error) {
        return error instanceof GatewayError ? error.code : error;
      }
    };
    expect(refusal('text/plain', 'a.md')).toBe('text/markdown');
    expect(refusal('image/png', 'a.png')).toBe('image/png');
    expect(refusal('image/png', 'a.pdf')).toBe('type_mismatch');
    expect(refusal('text/plain', 'a.exe')).toBe('type_not_allowed');
    expect(refusal('application/zip', 'a.docx')).toBe('type_mismatch');
    expect(refusal(`${OOXML}.wordprocessingml.document`, 'a.zip')).toBe(`${OOXML}.wordprocessingml.document`);
  });
});

describe('a declared size in pixels', () => {
  it.each([
    ['png', png],
    ['gif', gif],
    ['jpg', jpeg],
    ['tiff', tiff],
    ['bmp', bmp],
  ] as const)('C16 is bounded: %s', async (extension, make) => {
    expect(await bring({ filename: `a.${extension}`, bytes: make(65_535, 65_535) })).toBe('unsafe_content');
    expect(await bring({ filename: `a.${extension}`, bytes: make(10_000, 10_000) })).not.toBe(
      'unsafe_content',
    );
    expect(await bring({ filename: `a.${extension}`, bytes: make(10_000, 10_001) })).toBe('unsafe_content');
  });

  it('C16 is found behind long segments, and in WebP', async () => {
    expect(await bring({ filename: 'a.jpg', bytes: jpeg(65_535, 65_535, 200_000) })).toBe('unsafe_content');
    expect(await bring({ filename: 'a.webp', bytes: webp(16_384, 16_384) })).toBe('unsafe_content');
  });
});
