import { describe, expect, it } from 'vitest';
import { loadConfig } from '../platform/config.ts';
import { chooseGateway } from './choose-gateway.ts';
import type { Local } from './local.ts';

interface Here {
  readonly env?: Record<string, string>;
  readonly runningUrl?: string | null;
  readonly hasSecret?: boolean;
}

/** A machine as given; what it signs is counted, so that signing at all is seen. */
const machine = ({ env = {}, runningUrl = null, hasSecret = true }: Here = {}) => {
  const signed: string[] = [];
  const local: Local = {
    subject: 'local',
    version: async () => '0',
    config: async () => loadConfig(env),
    runningUrl: async () => runningUrl,
    hasSecret: async () => hasSecret,
    signToken: async ({ sub }) => {
      signed.push(sub);
      return `signed-${signed.length}`;
    },
    serve: async () => 0,
    mcp: async () => 0,
    backup: () => Promise.reject(new Error('Nothing is backed up here.')),
    restore: () => Promise.reject(new Error('Nothing is restored here.')),
    importLegacy: () => Promise.reject(new Error('Nothing is imported here.')),
  };
  return { env, local, signed };
};

const choose = async (asked: { url?: string; token?: string }, here: Here = {}) => {
  const { env, local, signed } = machine(here);
  const { url, token } = await chooseGateway(asked, env, local);
  return { url, token: typeof token === 'string' ? token : await token(), signed };
};

describe('the gateway', () => {
  const all = { WAYBILL_URL: 'http://variable', PUBLIC_URL: 'http://public', HOST: '10.0.0.1', PORT: '99' };
  const { WAYBILL_URL: _1, ...withoutVariable } = all;
  const { PUBLIC_URL: _2, ...withoutPublic } = withoutVariable;

  it.each([
    ['--url', 'http://option', { url: 'http://option' }, { env: all, runningUrl: 'http://running' }],
    ['WAYBILL_URL', 'http://variable', {}, { env: all, runningUrl: 'http://running' }],
    ['the running one', 'http://running', {}, { env: withoutVariable, runningUrl: 'http://running' }],
    ['PUBLIC_URL', 'http://public', {}, { env: withoutVariable }],
    ['HOST and PORT', 'http://10.0.0.1:99', {}, { env: withoutPublic }],
    ['the default', 'http://127.0.0.1:8787', {}, {}],
    ['the default, for an empty WAYBILL_URL', 'http://127.0.0.1:8787', {}, { env: { WAYBILL_URL: '' } }],
    ['an address to connect to, for 0.0.0.0', 'http://127.0.0.1:8787', {}, { env: { HOST: '0.0.0.0' } }],
    ['an IPv6 address in brackets', 'http://[::1]:8787', {}, { env: { HOST: '::1' } }],
  ] as const)('is %s', async (_, url, asked, here) => {
    expect((await choose({ token: 'given', ...asked }, here)).url).toBe(url);
  });

  it('from --url needs no valid configuration', async () => {
    const chosen = choose({ url: 'http://option', token: 'given' }, { env: { PORT: 'x' } });
    await expect(chosen).resolves.toMatchObject({ url: 'http://option' });
  });

  it.each(['', 'waybill', 'ftp://a', 'http://user:pass@a', 'file:///etc/passwd'])(
    'is not "%s"',
    async (url) => {
      await expect(choose({ url, token: 'given' })).rejects.toMatchObject({ code: 'usage' });
    },
  );

  it('cannot be known from PORT=0 alone', async () => {
    const chosen = choose({}, { env: { PORT: '0', DATA_DIR: 'over-there' } });
    await expect(chosen).rejects.toMatchObject({
      code: 'gateway_unreachable',
      message: expect.stringMatching(/over-there.*npm start/),
    });
  });
});

describe('the token', () => {
  it('is --token before WAYBILL_TOKEN before one signed here', async () => {
    const env = { WAYBILL_TOKEN: 'variable' };
    expect(await choose({ token: 'option' }, { env })).toMatchObject({ token: 'option', signed: [] });
    expect(await choose({}, { env })).toMatchObject({ token: 'variable', signed: [] });
    expect(await choose({})).toMatchObject({ token: 'signed-1', signed: ['local'] });
  });

  it.each([
    ['--url', { url: 'http://127.0.0.1:8787' }, {}],
    ['WAYBILL_URL', {}, { WAYBILL_URL: 'http://127.0.0.1:8787' }],
  ])('signed here is never for an address from %s', async (source, asked, env) => {
    const { local, signed } = machine({ runningUrl: 'http://127.0.0.1:8787' });
    await expect(chooseGateway(asked, env, local)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(new RegExp(`--token.*WAYBILL_TOKEN.*${source}`)),
    });
    expect(signed).toEqual([]);
  });

  it('signed here is used again while it is good', async () => {
    const { local, signed } = machine();
    const { token } = await chooseGateway({}, {}, local);
    if (typeof token === 'string') throw new Error('Expected a source of tokens.');
    expect([await token(), await token()]).toEqual(['signed-1', 'signed-1']);
    expect(signed).toEqual(['local']);
  });

  it('is not signed with a secret made for it', async () => {
    const { local, signed } = machine({ hasSecret: false });
    const { token } = await chooseGateway({}, {}, local);
    if (typeof token === 'string') throw new Error('Expected a source of tokens.');
    await expect(token()).rejects.toMatchObject({
      code: 'gateway_unreachable',
      message: expect.stringMatching(/http:\/\/127\.0\.0\.1:8787.*npm start.*npx waybill serve/),
    });
    expect(signed).toEqual([]);
  });

  it.each(['', 'two words', 'line\nbreak', 'ünïcode'])('is not "%s"', async (token) => {
    await expect(choose({ token })).rejects.toMatchObject({ code: 'usage' });
  });
});
