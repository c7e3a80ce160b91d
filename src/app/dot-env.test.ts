import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDotEnv } from './dot-env.ts';

describe('readDotEnv', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'waybill-env-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  it('reads variables', async () => {
    const path = join(directory, '.env');
    await writeFile(path, '# comment\nPORT=9000\nJWT_ISSUER="a b"\n');
    expect({ ...readDotEnv(path) }).toEqual({ PORT: '9000', JWT_ISSUER: 'a b' });
  });

  it('is content without a file', () => {
    expect(readDotEnv(join(directory, 'none'))).toEqual({});
  });

  it('says so when what is there is no file', () => {
    expect(() => readDotEnv(directory)).toThrow(/cannot be read \(EISDIR\)/u);
  });
});
