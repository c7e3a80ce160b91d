import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GatewayError } from '../core/errors.ts';
import { resolvePath } from './path-name.ts';
import { isWithin } from './path-segments.ts';

const MAPPINGS = [
  { windows: 'D:', posix: '/data' },
  { windows: 'C:/Project', posix: '/mnt/project' },
  { windows: 'C:/Project/deep/er', posix: '/deeper' },
  { windows: 'C:/Project/deep', posix: '/deep' },
];
const INVALID = 'invalid_path';
const NOT_ALLOWED = 'path_not_allowed';

const resolve = (text: string, mappings = MAPPINGS): string => {
  try {
    return resolvePath(text, mappings);
  } catch (error) {
    if (error instanceof GatewayError) return error.code;
    throw error;
  }
};

const TABLE: readonly (readonly [id: string, text: string, expected: string])[] = [
  ['P01', '/mnt/project/../../etc/passwd', '/etc/passwd'],
  ['P02', '/mnt/project/sub/../../../etc/shadow', '/etc/shadow'],
  ['P06', '/mnt/project/a.txt/../../../etc/passwd', '/etc/passwd'],
  ['P06', '/../../..//./etc///passwd/', '/etc/passwd'],
  ...['a.txt', './a.txt', '../a.txt', 'mnt/project/a.txt', ' /mnt/a'].map(
    (text) => ['P08', text, INVALID] as const,
  ),
  ...['~/a', '~root/.ssh/id_rsa', '$HOME/a', '%HOME%/a'].map((text) => ['P09', text, INVALID] as const),
  ['P09', '/mnt/project/~/$HOME', '/mnt/project/~/$HOME'],
  ['P10', '/mnt/project/*.txt', '/mnt/project/*.txt'],
  ...['\0', '\r', '\n', '\u001b', '\u0001', '\u007f', '\u0085', '\u009b', '\u2028'].map(
    (sign) => ['P34', `/mnt/project/a${sign}b`, INVALID] as const,
  ),
  ['P34', 'C:\\Project\\a\0.txt', INVALID],
  ...['\u202e', '\u2066', '\u061c', '\u200b', '\u200d', '\ufeff'].map(
    (sign) => ['P35', `/mnt/project/a${sign}b`, INVALID] as const,
  ),
  ['P36', '/mnt/project/\ud800', INVALID],
  ['P36', '/mnt/project/\udc00\ud800', INVALID],
  ['P37', '/mnt/project/．．／a', '/mnt/project/．．／a'],
  ['P37', '／etc／passwd', INVALID],
  ['P38', '/mnt/project/%2e%2e/a', '/mnt/project/%2e%2e/a'],
  ['P38', '/mnt/project/..%2f..%2fa', '/mnt/project/..%2f..%2fa'],
  ['P38', '/mnt/project/%252e', '/mnt/project/%252e'],
  ['P39', '/mnt/project/e\u0301', '/mnt/project/e\u0301'],
  ...['', ' ', '\t'].map((text) => ['P41', text, INVALID] as const),
  ...[
    'file:///etc/passwd',
    'file://host/mnt/project/a',
    'file:///mnt/%2e%2e/a',
    'http://169.254.169.254/',
  ].map((text) => ['P42', text, INVALID] as const),
  ...[
    'c:\\Project\\x',
    'C:\\project\\x',
    'C:/Project/x',
    'c:/PROJECT\\x',
    'C:\\\\Project\\\\x',
    'C:\\/Project/.\\x',
    'C:/Project/y/../x',
    'C:/Windows/../Project/x',
  ].map((text) => ['P43', text, '/mnt/project/x'] as const),
  ['P43', 'c:\\PROJECT\\Sub\\A.PDF', '/mnt/project/Sub/A.PDF'],
  ['P44', 'C:\\Project\\..\\Windows\\win.ini', NOT_ALLOWED],
  ['P44', 'C:\\Project\\..\\..\\..\\etc\\passwd', NOT_ALLOWED],
  ['P44', 'C:/Project\\../..\\etc/passwd', NOT_ALLOWED],
  ['P44', 'D:\\..\\..\\..\\etc\\passwd', '/data/etc/passwd'],
  ['P44', 'C:\\..\\D:\\x', INVALID],
  ['P45', 'C:\\ProjectX\\x', NOT_ALLOWED],
  ['P45', 'C:\\Project-evil\\x', NOT_ALLOWED],
  ['P45', 'C:\\Pro\\x', NOT_ALLOWED],
  ['P45', 'C:\\\u212aProject\\x', NOT_ALLOWED],
  ['P46', 'C:\\Windows\\win.ini', NOT_ALLOWED],
  ['P46', 'E:\\Project\\x', NOT_ALLOWED],
  ['P46', 'Z:\\x', NOT_ALLOWED],
  ['P48', 'C:/Project/deep/er/x', '/deeper/x'],
  ['P48', 'C:/Project/DEEP/x', '/deep/x'],
  ['P48', 'C:/Project/deeper/x', '/mnt/project/deeper/x'],
  ...['C:x', 'C:', 'D:', 'C:..\\x', '\\Project\\x', '\\'].map((text) => ['P49', text, INVALID] as const),
  ...[
    '\\\\server\\share\\x',
    '\\\\localhost\\c$\\Project\\x',
    '\\\\?\\C:\\Project\\x',
    '\\\\.\\C:\\Project\\x',
    '\\??\\C:\\Project\\x',
    '//server/share',
    '//?/C:/Project/x',
    '/\\server\\share',
    '///mnt/project/a',
  ].map((text) => ['P50', text, INVALID] as const),
  ...['a.txt:s', 'a.txt::$DATA', 'dir:$I30:$INDEX_ALLOCATION\\b', ':s'].map(
    (name) => ['P51', `C:\\Project\\${name}`, INVALID] as const,
  ),
  ...[
    'CON',
    'aux.md',
    'NUL.txt',
    'nul.tar.gz',
    'com1',
    'COM¹',
    'LPT9.x',
    'PRN',
    'con .txt',
    'CONIN$',
    'nul\\a',
  ].map((name) => ['P52', `C:\\Project\\${name}`, INVALID] as const),
  ...['CON', 'aux.md', 'NUL.txt', 'com1', 'COM¹'].map(
    (name) => ['P52', `/mnt/project/${name}`, `/mnt/project/${name}`] as const,
  ),
  ...['console', 'com10', 'nullable.txt', 'auxiliary'].map(
    (name) => ['P52', `C:\\Project\\${name}`, `/mnt/project/${name}`] as const,
  ),
  ...[
    'a.txt.',
    'a ',
    '... ',
    '...',
    '.. ',
    'PROJEC~1',
    'LONGFI~1.TXT',
    'a?',
    '*',
    'a|b',
    '<a',
    'a>',
    '"a"',
  ].map((name) => ['P53', `C:\\Project\\${name}\\..\\x`, INVALID] as const),
  ['P54', '/app/c:/Project/x', '/app/c:/Project/x'],
  ['P54', '/mnt/c/Project/x', '/mnt/c/Project/x'],
  ['P54', '/c/Project/x', '/c/Project/x'],
];

describe('resolvePath', () => {
  it.each(TABLE)('%s makes of %j %s', (_id, text, expected) => {
    expect(resolve(text)).toBe(expected);
  });

  it('P40 counts bytes: 255 of a name, 4095 of the whole, before and after mapping', () => {
    for (const path of [`/${'n'.repeat(255)}`, '/a'.repeat(2_047)]) expect(resolve(path)).toBe(path);
    for (const path of [
      `/${'n'.repeat(256)}`,
      `/${'語'.repeat(86)}`,
      '/a'.repeat(2_048),
      `D:/${'a/'.repeat(2_046)}`,
    ]) {
      expect(resolve(path)).toBe(INVALID);
    }
  });

  it('P47 allows nothing by a mapping: it says where, not whether', () => {
    expect(resolve('C:/x', [{ windows: 'C:', posix: '/etc' }])).toBe('/etc/x');
    expect(resolve('C:/x', [])).toBe(NOT_ALLOWED);
  });

  it('P48 takes the longest mapping, whatever their order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(MAPPINGS, { minLength: MAPPINGS.length }), (mappings) => {
        expect(resolve('c:\\project\\Deep\\ER\\x', mappings)).toBe('/deeper/x');
      }),
    );
  });
});

const piece = fc.constantFrom(
  '.',
  '..',
  '/',
  '\\',
  ':',
  '%',
  '\0',
  ' ',
  '~',
  'A',
  'C:',
  'Project',
  '/mnt/',
  'c',
  '２',
  '%2e',
  '．',
);
const text = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(''));

describe('whatever the text, resolvePath', () => {
  it('P01 P44 gives a normalised absolute path, of which it makes the same again', () => {
    fc.assert(
      fc.property(fc.constantFrom('', '/', '/mnt/', 'C:\\', 'D:/'), text, (start, rest) => {
        const path = resolve(start + rest);
        if (path === INVALID || path === NOT_ALLOWED) return;
        expect(path).toMatch(/^\/(?:[^/\0]+(?:\/[^/\0]+)*)?$/u);
        expect(path.split('/').filter((segment) => segment === '.' || segment === '..')).toEqual([]);
        expect(resolve(path)).toBe(path);
      }),
      { numRuns: 5_000 },
    );
  });

  it('P44 P46 never leads a Windows path out of what is mapped', () => {
    fc.assert(
      fc.property(fc.constantFrom('C:\\', 'c:/Project/', 'D:/', 'e:'), text, (start, rest) => {
        const path = resolve(start + rest);
        if (path === INVALID || path === NOT_ALLOWED) return;
        expect(MAPPINGS.some(({ posix }) => isWithin(path, posix))).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });

  it('P03 P04 compares by segments', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z.-]{1,5}$/u), (tail) => {
        expect(isWithin(`/mnt/project${tail}/x`, '/mnt/project')).toBe(false);
        expect(isWithin(`/mnt/project/${tail}`, '/mnt/project')).toBe(true);
      }),
    );
  });
});
