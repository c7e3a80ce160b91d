import { describe, expect, it } from 'vitest';
import { runWaybill } from '../support/run-waybill.ts';
import { makeHome } from '../support/start-gateway.ts';

const BAD = {
  PORT: '99999',
  HOST: 'not a host',
  LOG_LEVEL: 'loud',
  MAX_FILE_BYTES: 'plenty',
  JWT_SECRET_KEY: 'too short',
  KIMI_BASE_URL: 'ftp://kimi.example',
  DATABASE_URL: 'mysql://localhost/waybill',
  RETRY_ATTEMPTS: '0',
};

describe('a bad environment', () => {
  it.each([['serve'], ['config', 'check']])(
    'stops `%s %s` with 78 and every problem at once',
    async (...args) => {
      const cwd = await makeHome();
      const finished = await runWaybill(args, { cwd, env: { ...BAD, DATA_DIR: `${cwd}/data` } });
      expect(finished.exitCode).toBe(78);
      expect(finished.stdout).toBe('');
      const lines = finished.stderr.split('\n');
      for (const name of Object.keys(BAD)) {
        expect(
          lines.filter((line) => line.includes(name)),
          name,
        ).toHaveLength(1);
      }
      expect(finished.stderr).toMatch(/PORT.*99999/u);
      expect(finished.stderr).toMatch(/RETRY_ATTEMPTS.*1/u);
      expect(finished.stderr).not.toContain('too short');
      expect(finished.stderr).not.toMatch(/\n\s+at /u);
    },
  );
});

describe('config check', () => {
  it('prints what is in force, secrets masked', async () => {
    const cwd = await makeHome();
    const secret = 'a-secret-of-more-than-32-characters-here';
    const env = {
      DATA_DIR: `${cwd}/data`,
      MAX_FILE_BYTES: '5 MB',
      JWT_SECRET_KEY: secret,
      KIMI_API_KEY: 'sk-kimi-1234',
    };
    const { exitCode, stdout, stderr } = await runWaybill(['config', 'check', '--json'], { cwd, env });
    expect(exitCode, stderr).toBe(0);
    expect(JSON.stringify(JSON.parse(stdout))).toContain('5242880');
    for (const hidden of [secret, 'sk-kimi-1234']) expect(stdout + stderr).not.toContain(hidden);
  });
});
