import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StartupError } from '../startup-error.ts';
import { startEmbeddedPostgres } from './embedded-postgres.ts';

const log = pino({ level: 'silent' });

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'embedded-postgres-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function start() {
  return startEmbeddedPostgres({ directory, log });
}

describe('what it does not start with', () => {
  async function failure(): Promise<string> {
    const error = await start().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StartupError);
    return String(error);
  }

  it('is a cluster of another major version', async () => {
    await (await start()).stop();
    writeFileSync(join(directory, 'data', 'PG_VERSION'), '16\n');
    expect(await failure()).toMatch(/Postgres 16.*brings Postgres 18.*DATABASE_URL/);
  });

  it('is a directory of other files', async () => {
    mkdirSync(join(directory, 'data'), { recursive: true });
    writeFileSync(join(directory, 'data', 'thesis.txt'), 'precious');
    expect(await failure()).toMatch(/holds files but no Postgres cluster/);
    expect(readFileSync(join(directory, 'data', 'thesis.txt'), 'utf8')).toBe('precious');
  });

  it('is a wrong password file', async () => {
    await (await start()).stop();
    writeFileSync(join(directory, 'password'), 'another\n');
    expect(await failure()).toMatch(/password file/);
    expect(existsSync(join(directory, 'data', 'postmaster.pid'))).toBe(false);
  });

  it('is a URL file that cannot be written, and leaves no server running', async () => {
    await (await start()).stop();
    rmSync(join(directory, 'postgres-url'));
    mkdirSync(join(directory, 'postgres-url'));
    expect(await failure()).toMatch(/postgres-url/);
    expect(existsSync(join(directory, 'data', 'postmaster.pid'))).toBe(false);
  });

  it('is a damaged cluster, whose words it repeats', async () => {
    await (await start()).stop();
    writeFileSync(join(directory, 'data', 'postgresql.conf'), 'no_such_setting = 1\n');
    expect(await failure()).toMatch(/does not start.*DATABASE_URL[\s\S]*no_such_setting/);
  });
});
