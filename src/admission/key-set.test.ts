import { createHmac } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type JwksServer,
  makeKey,
  type SigningKey,
  startJwksServer,
} from '../../test/support/jwks-server.ts';
import { until } from '../../test/support/until.ts';
import { GatewayError } from '../core/errors.ts';
import { createKeySet, type KeySet, type KeySetOptions } from './key-set.ts';
import { createTokens, type Tokens } from './tokens.ts';

const SECRET = 'a secret of more than thirty-two bytes, for these tests';
const first = await makeKey('first');
const second = await makeKey('second');
const opened: KeySet[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((keys) => keys.close()));
});

const verifierOf = (url: string, options: KeySetOptions = {}, secret?: string): Tokens => {
  const keys = createKeySet(url, options);
  opened.push(keys);
  return createTokens({ keys, secret });
};
const withKeys = async (
  keys: readonly SigningKey[],
  options: KeySetOptions = {},
): Promise<{ server: JwksServer; tokens: Tokens }> => {
  const server = await startJwksServer(keys.map(({ publicJwk }) => publicJwk));
  return { server, tokens: verifierOf(server.url, options) };
};
const outcomeOf = (tokens: Tokens, token: string): Promise<string> =>
  tokens.verify(`Bearer ${token}`).then(
    ({ sub }) => sub,
    (error) => (error instanceof GatewayError ? error.code : String(error)),
  );
const mac = (header: object, payload: object, key: string): string => {
  const signed = [header, payload].map((part) => encode(JSON.stringify(part))).join('.');
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
};
const encode = (text: string): string => Buffer.from(text).toString('base64url');
const inAnHour = (): number => Math.floor(Date.now() / 1_000) + 3_600;

describe('a key set', () => {
  it.each(['ES256', 'RS256', 'PS256', 'EdDSA', 'Ed25519'])(
    'lets in what is signed by its key with %s',
    async (alg) => {
      const key = await makeKey('key', alg);
      const { server, tokens } = await withKeys([key]);
      expect(await outcomeOf(tokens, await key.sign({ sub: 'ada' }))).toBe('ada');
      expect(await outcomeOf(tokens, await key.sign({ sub: 'bob' }))).toBe('bob');
      expect(server.asked()).toBe(1);
    },
  );

  it.each(['ES256', 'RS256'])(
    'J13 J14 lets in nothing signed with %s by an attacker under its key id',
    async (alg) => {
      const { tokens } = await withKeys([await makeKey('key', alg)]);
      expect(await outcomeOf(tokens, await (await makeKey('key', alg)).sign({ sub: 'ada' }))).toBe(
        'invalid_token',
      );
    },
  );

  it('J15 lets in no signature of zeros', async () => {
    const { tokens } = await withKeys([first]);
    const [header, payload] = (await first.sign({ sub: 'ada' })).split('.');
    expect(await outcomeOf(tokens, `${header}.${payload}.${Buffer.alloc(64).toString('base64url')}`)).toBe(
      'invalid_token',
    );
  });

  it('J12 uses no public key as a secret, and no symmetric key at all', async () => {
    const rsa = await makeKey('rsa', 'RS256');
    const symmetric = { kty: 'oct', kid: 'oct', k: encode(SECRET), alg: 'HS256', use: 'sig' };
    const server = await startJwksServer([rsa.publicJwk, symmetric]);
    const payload = { sub: 'ada', exp: inAnHour() };
    for (const tokens of [verifierOf(server.url), verifierOf(server.url, {}, 'x'.repeat(32))]) {
      for (const kid of ['rsa', 'oct']) {
        for (const key of [SECRET, JSON.stringify(rsa.publicJwk), String(rsa.publicJwk.n)]) {
          expect(await outcomeOf(tokens, mac({ alg: 'HS256', kid }, payload, key))).toBe('invalid_token');
        }
      }
    }
  });

  it('stands beside a secret, each for its own algorithms; without one there is no HS256', async () => {
    const server = await startJwksServer([first.publicJwk]);
    const both = verifierOf(server.url, {}, SECRET);
    const keysOnly = verifierOf(server.url);
    const signed = await both.sign?.({ sub: 'bob', ttlMs: 60_000 });
    expect(await outcomeOf(both, String(signed))).toBe('bob');
    expect(await outcomeOf(both, await first.sign({ sub: 'ada' }))).toBe('ada');
    expect(await outcomeOf(keysOnly, String(signed))).toBe('invalid_token');
    expect(keysOnly.sign).toBeNull();
  });

  it.each(['ES384', 'ES512', 'RS384', 'RS512', 'PS512'])('does not know %s', async (alg) => {
    const key = await makeKey('key', alg);
    const { server, tokens } = await withKeys([key]);
    expect(await outcomeOf(tokens, await key.sign({ sub: 'ada' }))).toBe('invalid_token');
    expect(server.asked()).toBe(0);
  });

  it('takes no key for an algorithm that is not its own', async () => {
    const key = await makeKey('key', 'RS256');
    const { tokens, server } = await withKeys([]);
    server.serve([{ ...key.publicJwk, alg: 'PS256' }]);
    expect(await outcomeOf(tokens, await key.sign({ sub: 'ada' }))).toBe('invalid_token');
  });

  it('J16 J17 J18 asks no address and takes no key that a token brings along', async () => {
    const elsewhere = await startJwksServer([second.publicJwk]);
    const { tokens } = await withKeys([first]);
    const header = { jku: elsewhere.url, x5u: elsewhere.url, jwk: second.publicJwk, x5c: ['AAAA'] };
    for (const kid of ['first', 'second']) {
      expect(await outcomeOf(tokens, await second.sign({ sub: 'ada' }, { ...header, kid }))).toBe(
        'invalid_token',
      );
    }
    expect(await outcomeOf(tokens, await first.sign({ sub: 'ada' }, header))).toBe('ada');
    expect(elsewhere.asked()).toBe(0);
  });

  it.each(['../../first', "first' or '1'='1", '__proto__', 'constructor', 'toString', ''])(
    'J19 J20 J21 has no key of the id %j',
    async (kid) => {
      const { tokens } = await withKeys([first, second]);
      expect(await outcomeOf(tokens, await first.sign({ sub: 'ada' }, { kid }))).toBe('invalid_token');
    },
  );
});

describe('the rotation of keys', () => {
  it('J45 lets in a new key once asked for, and a withdrawn one no longer than its age', async () => {
    const { server, tokens } = await withKeys([first], { cooldownMs: 0, maxAgeMs: 500 });
    expect(await outcomeOf(tokens, await first.sign({ sub: 'ada' }))).toBe('ada');
    server.serve([second.publicJwk]);
    expect(await outcomeOf(tokens, await second.sign({ sub: 'bob' }))).toBe('bob');
    let asked = 0;
    const isRefused = async (): Promise<boolean> => {
      asked += 1;
      return (await outcomeOf(tokens, await first.sign({ sub: `ada-${asked}` }))) === 'invalid_token';
    };
    await until('the withdrawn key is refused', isRefused);
  });

  it('is not asked for by every token that names an unknown key', async () => {
    const { server, tokens } = await withKeys([first]);
    for (let i = 0; i < 20; i += 1) {
      expect(await outcomeOf(tokens, await second.sign({ sub: 'ada' }, { kid: `unknown-${i}` }))).toBe(
        'invalid_token',
      );
    }
    expect(server.asked()).toBe(1);
  });
});

describe('a key set that cannot be had', () => {
  it.each<[string, (server: JwksServer) => unknown]>([
    ['is down', (server) => server.close()],
    ['fails', (server) => server.answer(500, 'oops')],
    ['is not there', (server) => server.answer(404, '{"keys":[]}')],
    ['is no JSON', (server) => server.answer(200, '<html>')],
    ['is no key set', (server) => server.answer(200, '{"keys":"none"}')],
    [
      'is far too large',
      (server) => server.answer(200, JSON.stringify({ keys: [], x: 'x'.repeat(2 ** 20) })),
    ],
  ])('makes tokens neither good nor bad when it %s', async (_, fail) => {
    const { server, tokens } = await withKeys([first]);
    await fail(server);
    expect(await outcomeOf(tokens, await first.sign({ sub: 'ada' }))).toBe('unavailable');
  });

  it('J17 is not looked for where it redirects to', async () => {
    const elsewhere = await startJwksServer([first.publicJwk]);
    const { server, tokens } = await withKeys([]);
    for (const status of [301, 302, 307, 308]) {
      server.answer(status, '', { location: elsewhere.url });
      expect(await outcomeOf(tokens, await first.sign({ sub: `ada-${status}` }))).toBe('unavailable');
    }
    expect(elsewhere.asked()).toBe(0);
  });

  it('is not asked again by every request, and is believed again once it answers', async () => {
    const { server, tokens } = await withKeys([first]);
    server.answer(503, '');
    for (let i = 0; i < 20; i += 1) {
      expect(await outcomeOf(tokens, await first.sign({ sub: `ada-${i}` }))).toBe('unavailable');
    }
    expect(server.asked()).toBeLessThan(10);
    server.serve([first.publicJwk]);
    await until(
      'the token is taken',
      async () => (await outcomeOf(tokens, await first.sign({ sub: 'ada' }))) === 'ada',
    );
  });
});
