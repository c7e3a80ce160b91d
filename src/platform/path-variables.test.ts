import { describe, expect, it } from 'vitest';
import { directories, driveMappings } from './variables.ts';

describe('ALLOWED_PATHS', () => {
  it('is a list of directories, each once and without its last slash', () => {
    expect(directories.parse('/app, /mnt/project/,/app/')).toEqual(['/app', '/mnt/project']);
  });

  it.each([
    '',
    '/',
    '//',
    '.',
    './a',
    'app',
    '~',
    '~/a',
    '/app,',
    ',/app',
    '/app,,/b',
    '/app,/',
    '/a/../b',
    '/a/./b',
    '/..',
    '/a\0b',
    'C:/Project',
  ])('P55 stops the start with %j', (value) => expect(directories.safeParse(value).success).toBe(false));
});

describe('DRIVE_MAPPINGS', () => {
  it('is a list of Windows directories with ours', () => {
    expect(driveMappings.parse('C:/Project=/mnt/project, d:\\=/data/,E:=/e,F:\\a\\\\b c\\=/f')).toEqual([
      { windows: 'C:/Project', posix: '/mnt/project' },
      { windows: 'd:', posix: '/data' },
      { windows: 'E:', posix: '/e' },
      { windows: 'F:/a/b c', posix: '/f' },
    ]);
  });

  it.each([
    '',
    'C:/Project',
    '=/mnt',
    'C:/Project=',
    'C:/Project=/',
    'C:/Project=.',
    'C:/Project=mnt',
    'C:/Project=/mnt/../etc',
    'C:Project=/mnt',
    'C:/../x=/mnt',
    'C:/a/.=/mnt',
    'C:/a./b=/mnt',
    'C:/a /b=/mnt',
    'C:/a:s=/mnt',
    '//server/share=/mnt',
    '/Project=/mnt',
    'C:/Project=/mnt,',
  ])('P55 stops the start with %j', (value) => {
    expect(driveMappings.safeParse(value).success).toBe(false);
  });

  it.each(['C:/P=/a,c:/p=/b', 'C:\\P=/a,C:/P/=/a', 'D:=/a,d:/=/b'])(
    'P48 knows each directory once: %j',
    (value) => {
      expect(driveMappings.safeParse(value).success).toBe(false);
    },
  );
});
