import { describe, expect, it } from 'vitest';
import { ConfigError, type ConfigProblem, loadConfig, maskValue } from './config.ts';
import { environment } from './environment.ts';

const problemsOf = (env: Record<string, string>): readonly ConfigProblem[] => {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

describe('loadConfig', () => {
  it('needs nothing: every variable is optional or has a default', () => {
    expect(loadConfig({})).toMatchObject({
      HOST: '127.0.0.1',
      PORT: 8787,
      DATA_DIR: '.waybill',
      LOG_LEVEL: 'info',
      DATABASE_SCHEMA: 'waybill',
      MAX_FILE_BYTES: 8 * 2 ** 30,
      AUTO_GLM_ABOVE_BYTES: 512 * 2 ** 20,
      KIMI_MAX_FILES: 1_000,
      GLM_MAX_FILES: 100,
      KIMI_MAX_FILE_BYTES: 100 * 2 ** 20,
      TIMEOUT_CONNECT_MS: 5_000,
      TIMEOUT_IDLE_MS: 30_000,
      TIMEOUT_TOTAL_MS: 3_600_000,
      RETRY_ATTEMPTS: 5,
      RETRY_BASE_MS: 500,
      RETRY_MAX_MS: 30_000,
    });
  });

  it('has no default for what stands for somebody or something of the operator', () => {
    const { PUBLIC_URL, DATABASE_URL, JWT_SECRET_KEY, JWT_ISSUER, JWT_AUDIENCE, KIMI_API_KEY, GLM_API_KEY } =
      loadConfig({});
    const unset = [
      PUBLIC_URL,
      DATABASE_URL,
      JWT_SECRET_KEY,
      JWT_ISSUER,
      JWT_AUDIENCE,
      KIMI_API_KEY,
      GLM_API_KEY,
    ];
    expect(unset.filter((value) => value !== undefined)).toEqual([]);
  });

  it.each([
    ['1', 1],
    ['1048576', 2 ** 20],
    ['2KB', 2_048],
    ['100 MB', 100 * 2 ** 20],
    ['100mb', 100 * 2 ** 20],
    ['8  GB', 8 * 2 ** 30],
    ['1 TB', 2 ** 40],
  ])('reads %j as bytes', (text, bytes) => {
    expect(loadConfig({ MAX_FILE_BYTES: text }).MAX_FILE_BYTES).toBe(bytes);
  });

  it.each([
    ['HOST', 'two words'],
    ['HOST', 'http://localhost'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '80.5'],
    ['PORT', '8787x'],
    ['PORT', ' '],
    ['PUBLIC_URL', 'ftp://files.example.com'],
    ['PUBLIC_URL', 'files.example.com'],
    ['LOG_LEVEL', 'verbose'],
    ['DATABASE_URL', 'mysql://localhost/waybill'],
    ['DATABASE_URL', 'localhost'],
    ['DATABASE_SCHEMA', 'Waybill'],
    ['DATABASE_SCHEMA', '1st'],
    ['DATABASE_SCHEMA', 'way-bill'],
    ['DATABASE_SCHEMA', 'x"; drop schema public; --'],
    ['DATABASE_SCHEMA', 'x'.repeat(42)],
    ['JWT_SECRET_KEY', 'x'.repeat(31)],
    ['MAX_FILE_BYTES', '0'],
    ['MAX_FILE_BYTES', '-5'],
    ['MAX_FILE_BYTES', '1.5 GB'],
    ['MAX_FILE_BYTES', '10 XB'],
    ['MAX_FILE_BYTES', '1e9'],
    ['MAX_FILE_BYTES', '999999999 TB'],
    ['AUTO_GLM_ABOVE_BYTES', 'half'],
    ['KIMI_API_KEY', 'short'],
    ['KIMI_BASE_URL', 'api.moonshot.ai'],
    ['GLM_MAX_FILE_BYTES', '0 MB'],
    ['GLM_MAX_FILES', '0'],
    ['TIMEOUT_CONNECT_MS', '0'],
    ['TIMEOUT_IDLE_MS', '86400001'],
    ['TIMEOUT_TOTAL_MS', '1h'],
    ['RETRY_ATTEMPTS', '0'],
    ['RETRY_ATTEMPTS', '101'],
    ['RETRY_BASE_MS', 'fast'],
    ['RETRY_MAX_MS', 'NaN'],
  ])('refuses %s=%j, naming it, what it got and what it wants', (variable, value) => {
    const problems = problemsOf({ [variable]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ variable, got: maskValue(variable, value) });
    expect(problems[0]?.wants).toMatch(/^(?!Invalid)[\w"/:-]+ ./u);
  });

  it('says how large a number may be and which words are known', () => {
    expect(problemsOf({ PORT: '70000' })[0]?.wants).toBe('a whole number from 0 to 65535');
    expect(problemsOf({ LOG_LEVEL: 'loud' })[0]?.wants).toMatch(/^one of .*trace.*silent/u);
  });

  it('tells every problem at once, one line each', () => {
    const bad = {
      PORT: 'x',
      LOG_LEVEL: 'loud',
      JWT_SECRET_KEY: 'short',
      RETRY_ATTEMPTS: '0',
      PUBLIC_URL: '//',
    };
    const problems = problemsOf(bad);
    expect(problems.map(({ variable }) => variable).sort()).toEqual(Object.keys(bad).sort());
    expect(new ConfigError(problems).message.split('\n')).toHaveLength(5);
  });

  it('shows no secret in a problem', () => {
    const secrets = {
      JWT_SECRET_KEY: 'hush-hush',
      KIMI_API_KEY: 'psst',
      DATABASE_URL: 'mysql://u:pw-123@h/d',
    };
    const problems = problemsOf(secrets);
    expect(problems).toHaveLength(3);
    const { message } = new ConfigError(problems);
    for (const value of Object.values(secrets)) expect(message).not.toContain(value);
    expect(message).toContain('KIMI_API_KEY: got [secret]');
  });

  it('takes an empty value as unset', () => {
    const empty = Object.fromEntries(Object.keys(environment.shape).map((name) => [name, '']));
    expect(loadConfig(empty)).toEqual(loadConfig({}));
  });

  it('ignores what is not its own', () => {
    expect(loadConfig({ PATH: '/bin', MAX_FILES: 'x' })).toEqual(loadConfig({}));
  });

  it('gives a value that cannot be changed', () => {
    const config = loadConfig({});
    expect(() => Object.assign(config, { PORT: 1 })).toThrow(TypeError);
    expect(config.PORT).toBe(8787);
  });
});

describe('maskValue', () => {
  it.each(['JWT_SECRET_KEY', 'KIMI_API_KEY', 'GLM_API_KEY', 'DATABASE_URL'])('hides %s', (variable) => {
    expect(maskValue(variable, 'value-to-hide')).toBe('[secret]');
  });

  it('shows the rest, and tells unset from empty', () => {
    expect(maskValue('PORT', 8787)).toBe('8787');
    expect(maskValue('HOST', '127.0.0.1')).toBe('"127.0.0.1"');
    expect(maskValue('KIMI_API_KEY', undefined)).toBe('nothing');
  });
});
