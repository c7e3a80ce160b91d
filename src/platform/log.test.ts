import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

const MODULE = new URL('./log.ts', import.meta.url).href;

/** What a process prints that logs like `script`, which has `log`. */
const run = (
  level: string,
  script: string,
): { entries: Record<string, unknown>[]; stdout: string; stderr: string } => {
  const source = `const { createLogger } = await import(${JSON.stringify(MODULE)});
    const log = createLogger(${JSON.stringify(level)}); ${script}`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    encoding: 'utf8',
  });
  const lines = stderr.split('\n').filter((line) => line.startsWith('{'));
  return { entries: lines.map((line) => JSON.parse(line)), stdout, stderr };
};

describe('the logger', () => {
  it('writes one JSON object a line on standard error and nothing on standard output', () => {
    const { entries, stdout } = run('info', `log.info({ event: 'one', n: 1 }); log.warn({ event: 'two' });`);
    expect(stdout).toBe('');
    expect(entries).toMatchObject([
      { level: 'info', event: 'one', n: 1, time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/u) },
      { level: 'warn', event: 'two' },
    ]);
  });

  it('has written an entry when the process ends right after it', () => {
    const { entries } = run('info', `log.error({ event: 'last' }); process.exit(3);`);
    expect(entries).toMatchObject([{ event: 'last' }]);
  });

  it('leaves out what is below its level', () => {
    const { entries } = run('warn', `log.info({ event: 'quiet' }); log.warn({ event: 'loud' });`);
    expect(entries.map(({ event }) => event)).toEqual(['loud']);
  });

  it('keeps a line break in a value inside its line', () => {
    const { entries } = run('info', `log.info({ event: 'x', name: 'a\\n{"event":"forged"}' });`);
    expect(entries.map(({ event }) => event)).toEqual(['x']);
  });

  it('tells of an error what is of use, its causes too, and nothing of the connection that it carries along', () => {
    const { entries, stderr } = run(
      'info',
      `const cause = Object.assign(new Error('lost'), { code: 'ECONNRESET', client: { secretKey: 'canary-1' } });
       const err = Object.assign(new Error('away', { cause }), { code: '57P01', connection: { password: 'canary-2' } });
       log.error({ event: 'e', err });`,
    );
    expect(entries).toMatchObject([
      {
        err: {
          type: 'Error',
          message: 'away',
          code: '57P01',
          cause: { message: 'lost', code: 'ECONNRESET' },
        },
      },
    ]);
    expect(stderr).not.toContain('canary');
  });

  it('hides credentials that an object of a library carries along', () => {
    const { entries, stderr } = run(
      'info',
      `log.info({ event: 'x', headers: { authorization: 'Bearer canary-1' }, password: 'canary-2' });
       log.info({ event: 'y', request: { headers: { authorization: 'Bearer canary-3' } }, connectionString: 'canary-4' });
       log.info({ event: 'z', options: { password: 'canary-5', connectionString: 'canary-6' } });
       const err = Object.assign(new Error('no connection'), { connectionString: 'postgres://u:canary-7@h/d' });
       log.error({ event: 'e', err });`,
    );
    expect(entries).toHaveLength(4);
    expect(stderr).not.toContain('canary');
  });
});
