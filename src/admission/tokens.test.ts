import { createHmac, generateKeyPairSync, sign as signBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { claims, craft, encode, type Json, now, SECRET } from '../../test/support/craft-token.ts';
import { GatewayError } from '../core/errors.ts';
import type { Scope } from '../core/principal.ts';
import { createTokens } from './tokens.ts';

const DAY_SECONDS = 86_400;
const tokens = createTokens({ secret: SECRET });

const outcome = async (authorization: string | undefined, verifier = tokens): Promise<string> => {
  try {
    return (await verifier.verify(authorization)).sub;
  } catch (error) {
    return error instanceof GatewayError ? error.code : `not a GatewayError: ${String(error)}`;
  }
};
const outcomeOf = (token: string, verifier = tokens): Promise<string> => outcome(`Bearer ${token}`, verifier);
const expectRefused = async (token: string): Promise<void> =>
  expect(await outcomeOf(token)).toBe('invalid_token');

/** The letter that differs from another in its last bit, which the last one of 32 bytes does not use. */
const nextLetter = (letter = ''): string => {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return letters[letters.indexOf(letter) ^ 1] ?? '';
};

const [GOOD_HEADER = '', GOOD_PAYLOAD = '', GOOD_SIGNATURE = ''] = craft().split('.');

describe('a good token', () => {
  it('names its owner, who may read and write without saying so', async () => {
    const principal = await tokens.verify(`Bearer ${craft()}`);
    expect(principal.sub).toBe('user-1');
    expect([...principal.scopes]).toEqual(['files:read', 'files:write']);
  });

  it.each(['bearer', 'BEARER', 'BeArEr'])('J41 may come with the scheme written %s', async (scheme) => {
    expect(await outcome(`${scheme} ${craft()}`)).toBe('user-1');
  });

  it('may have no `typ`, and claims of somebody else', async () => {
    const token = craft({
      header: { alg: 'HS256' },
      payload: claims({ role: 'authenticated', app_metadata: {} }),
    });
    expect(await outcomeOf(token)).toBe('user-1');
  });

  it('may have expired, or not be valid yet, within half a minute', async () => {
    expect(await outcomeOf(craft({ payload: claims({ exp: now() - 5 }) }))).toBe('user-1');
    expect(await outcomeOf(craft({ payload: claims({ nbf: now() + 5 }) }))).toBe('user-1');
  });

  it.each(['../../user-2', '__proto__', 'User-1', 'auth0|5f7c8', 'müller@example.com', "x';drop--"])(
    'J37 has a subject that is taken as it is: %j',
    async (sub) => expect(await outcomeOf(craft({ payload: claims({ sub }) }))).toBe(sub),
  );
});

describe('what is no token at all', () => {
  it.each([
    ['nothing', undefined],
    ['an empty header', ''],
    ['a token without a scheme', craft()],
    ['Basic', `Basic ${Buffer.from('user:pw').toString('base64')}`],
    ['Basic around a token', `Basic ${craft()}`],
    ['the scheme alone', 'Bearer'],
    ['the scheme and a blank', 'Bearer '],
    ['the scheme twice', `Bearer Bearer ${craft()}`],
    ['two tokens', `Bearer ${craft()}, Bearer ${craft()}`],
    ['two tokens in one', `Bearer ${craft()} ${craft()}`],
    ['two blanks', `Bearer  ${craft()}`],
    ['a blank at the end', `Bearer ${craft()} `],
    ['a line break at the end', `Bearer ${craft()}\n`],
  ])('J41 J42 %s', async (_name, authorization) => {
    expect(await outcome(authorization)).toBe('invalid_token');
  });
});

describe('the algorithm', () => {
  it.each([
    'none',
    'None',
    'nOnE',
    'NONE',
    '',
    'hs256',
    'HS384',
    'HS512',
    'RS256',
    'ES256',
    'PS256',
    'EdDSA',
    ['HS256'],
    { HS256: true },
    null,
    0,
  ])('J01 J02 J03 J04 is refused as %j, signed, unsigned or with the good signature', async (alg) => {
    const header = { alg, typ: 'JWT' };
    await expectRefused(craft({ header }));
    await expectRefused(`${encode(header)}.${GOOD_PAYLOAD}.`);
    await expectRefused(`${encode(header)}.${GOOD_PAYLOAD}.${GOOD_SIGNATURE}`);
  });

  it('J04 is refused when it is missing', () => expectRefused(craft({ header: { typ: 'JWT' } })));

  it('J10 is HS256, not HS512 with the right secret', () =>
    expectRefused(craft({ header: { alg: 'HS512', typ: 'JWT' }, hash: 'sha512' })));

  it('J11 is HS256 in what is computed, not only in what is said', () =>
    expectRefused(craft({ hash: 'sha512' })));

  it('J12 J13 cannot be chosen by whoever brings an RSA key of their own', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    const signed = `${encode({ alg: 'RS256' })}.${encode(claims())}`;
    await expectRefused(
      `${signed}.${signBytes('sha256', Buffer.from(signed), privateKey).toString('base64url')}`,
    );
    await expectRefused(craft({ key: publicKey.export({ type: 'spki', format: 'pem' }).toString() }));
  });
});

describe('the signature', () => {
  it.each([
    '',
    'undefined',
    'null',
    'secret',
    'changeme',
    `${SECRET}\n`,
    SECRET.slice(1),
    SECRET.toUpperCase(),
  ])('J22 does not fit when made with %j', (key) => expectRefused(craft({ key })));

  it('J05 J06 J07 does not fit when it is stripped, cut, longer, or changed by a bit at any place', async () => {
    const bytes = Buffer.from(GOOD_SIGNATURE, 'base64url');
    const changed = Array.from(bytes, (byte, i) => {
      const copy = Buffer.from(bytes);
      copy[i] = byte ^ 1;
      return copy;
    });
    const signatures = [bytes.subarray(1), bytes.subarray(0, -1), Buffer.concat([bytes, bytes]), ...changed];
    await expectRefused(`${GOOD_HEADER}.${GOOD_PAYLOAD}.`);
    for (const signature of signatures) {
      await expectRefused(`${GOOD_HEADER}.${GOOD_PAYLOAD}.${signature.toString('base64url')}`);
    }
  });

  it('J08 J09 does not fit another payload or header', async () => {
    await expectRefused(`${GOOD_HEADER}.${encode(claims({ sub: 'user-2' }))}.${GOOD_SIGNATURE}`);
    await expectRefused(`${encode({ alg: 'HS256', typ: 'JWT', x: 1 })}.${GOOD_PAYLOAD}.${GOOD_SIGNATURE}`);
  });

  it('comes before the expiry: a forged token never learns that it has expired', () =>
    expectRefused(craft({ key: 'another key of thirty-two bytes, at least', payload: claims({ exp: 1 }) })));
});

describe('the header', () => {
  it.each([
    ['an unknown critical extension', { crit: ['x'], x: 1 }],
    ['an empty list of critical extensions', { crit: [] }],
    ['a critical list that is none', { crit: 'exp' }],
    ['an unencoded payload', { b64: false, crit: ['b64'] }],
    ['the type of another kind of token', { typ: 'refresh+jwt' }],
    ['a type that is no text', { typ: 1 }],
  ])('J23 J24 J39 is refused for %s', (_name, extra) =>
    expectRefused(craft({ header: { alg: 'HS256', ...extra } })),
  );

  it.each([
    ['a key', { jwk: { kty: 'oct', k: encode('attacker') } }],
    ['an address of keys', { jku: 'http://127.0.0.1:9/keys', x5u: 'http://127.0.0.1:9/cert' }],
    ['a certificate', { x5c: ['AAAA'] }],
    ['a key id that is a path', { kid: '../../../../dev/null' }],
    ['a key id that is SQL', { kid: "x' union select 'attacker" }],
    ['a key id that is a property of every object', { kid: '__proto__' }],
  ])('J16 J17 J18 J19 J20 J21 gets no say by %s', (_name, extra) =>
    expectRefused(craft({ header: { alg: 'HS256', ...extra }, key: 'attacker' })),
  );

  it.each(['null', '[]', '"HS256"', '{', '', '\u00ff'])('is refused when it is %j', (header) =>
    expectRefused(craft({ header })),
  );
});

describe('the form', () => {
  it.each([
    ['one segment', GOOD_HEADER],
    ['two segments', `${GOOD_HEADER}.${GOOD_PAYLOAD}`],
    ['four segments', `${craft()}.${GOOD_SIGNATURE}`],
    ['the five of an encrypted token', `${craft()}.AAAA.AAAA`],
    ['empty segments', '..'],
    ['padding', `${craft()}=`],
    ['base64 that is not base64url', craft({ payload: claims({ x: '~~~???>>>' }) }).replace('.', '+.')],
    ['a blank inside', craft().replace('.', ' .')],
    ['JSON', JSON.stringify({ protected: GOOD_HEADER, payload: GOOD_PAYLOAD, signature: GOOD_SIGNATURE })],
    ['a NUL', craft().replace('.', '.\0')],
    ['bits that nobody reads', `${craft().slice(0, -1)}${nextLetter(craft().at(-1))}`],
  ])('J25 J26 J27 is refused for %s', (_name, token) => expectRefused(token));

  it.each([9_000, 16_384, 65_536])(
    'J40 is refused at %i characters, whoever signed it, without a look at it',
    async (size) => {
      await expectRefused(craft({ payload: claims({ padding: 'x'.repeat(size) }) }));
    },
  );

  it('takes the long tokens of identity providers', async () => {
    expect(await outcomeOf(craft({ payload: claims({ groups: 'x'.repeat(5_000) }) }))).toBe('user-1');
  });

  it.each(['null', '[]', '"user-1"', '1', 'not JSON', '', '{"sub":"user-1"', `[${'['.repeat(2_000)}`])(
    'J28 J40 is refused for a payload of %j',
    (payload) => expectRefused(craft({ payload })),
  );

  it('J28 is refused for a payload that is not UTF-8', async () => {
    const payload = Buffer.concat([
      Buffer.from('{"sub":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from(`","exp":${now() + 60}}`),
    ]);
    const signed = `${GOOD_HEADER}.${payload.toString('base64url')}`;
    await expectRefused(`${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`);
  });

  it('J28 has the last of two members of one name, as RFC 7519, 4 allows, whoever else it names', async () => {
    const payload = `{"sub":"user-2","exp":1,"sub":"user-1","exp":${now() + 60}}`;
    expect(await outcomeOf(craft({ payload }))).toBe('user-1');
  });

  it('J40 J41 never lets any text in', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (text) => {
        expect(await outcome(`Bearer ${text}`)).toBe('invalid_token');
      }),
    );
  });
});

describe('the times', () => {
  it.each([1, -1, now() - 31, now() - DAY_SECONDS])(
    'J29 J30 say that it has expired: exp %j',
    async (exp) => {
      expect(await outcomeOf(craft({ payload: claims({ exp }) }))).toBe('token_expired');
    },
  );

  it('J31 say so of the exp that is easily taken for none, 0', async () => {
    expect(await outcomeOf(craft({ payload: claims({ exp: 0 }) }))).toBe('token_expired');
  });

  it.each([
    ['missing', undefined],
    ['null', null],
    ['a text', String(now() + 3_600)],
    ['an empty text', ''],
    ['a list', [now() + 3_600]],
    ['an object', {}],
    ['true', true],
    ['beyond all time', 1e308],
    ['in milliseconds', (now() + 3_600) * 1_000],
    ['ten years ahead', now() + 10 * 365 * DAY_SECONDS],
    ['a day more than a year ahead', now() + 367 * DAY_SECONDS],
  ])('J31 J32 are refused when exp is %s', (_name, exp) =>
    expectRefused(craft({ payload: claims({ exp }) })),
  );

  it('J31 are refused when exp is what JSON cannot hold', () =>
    expectRefused(craft({ payload: '{"sub":"user-1","exp":1e999}' })));

  it.each([
    ['nbf in the future', { nbf: now() + 3_600 }],
    ['nbf as a text', { nbf: String(now()) }],
    ['nbf as null', { nbf: null }],
    ['iat as a text', { iat: String(now()) }],
    ['iat as null', { iat: null }],
    ['iat tomorrow', { iat: now() + DAY_SECONDS }],
    ['iat in milliseconds', { iat: now() * 1_000 }],
  ])('J33 are refused for %s', (_name, extra) => expectRefused(craft({ payload: claims(extra) })));
});

describe('the subject', () => {
  it.each([
    ['missing', undefined],
    ['null', null],
    ['empty', ''],
    ['a number', 1],
    ['a list', ['user-1']],
    ['an object', { toString: 'user-1' }],
    ['true', true],
    ['a blank', ' '],
    ['with a blank', 'user 1'],
    ['with NUL', 'user\0'],
    ['with a line break', 'user-1\r\nx: y'],
    ['ending in a line break', 'user-1\n'],
    ['with an escape', 'user\u001b[0m'],
    ['with DEL', 'user\u007f'],
    ['with half a character', 'user\ud800'],
    ['of 256 characters', 'x'.repeat(256)],
    ['of 10,000 characters', 'x'.repeat(10_000)],
    ['the owner of what comes without a token', 'anonymous'],
  ])('J36 is refused when it is %s', (_name, sub) => expectRefused(craft({ payload: claims({ sub }) })));

  it('J38 is missing in the keys Supabase hands out, which are signed with the same secret', async () => {
    for (const role of ['anon', 'service_role']) {
      const exp = now() + 9 * 365 * DAY_SECONDS;
      await expectRefused(craft({ payload: { iss: 'supabase', ref: 'abcdef', role, iat: now() - 60, exp } }));
    }
  });

  it.each(['anon', 'service_role'])('J38 does not make a user of the role %s', (role) =>
    expectRefused(craft({ payload: claims({ iss: 'supabase', role }) })),
  );
});

describe('issuer and audience', () => {
  const strict = createTokens({ secret: SECRET, issuer: 'https://id.example.com', audience: 'waybill' });
  const strictOutcome = (extra: Json): Promise<string> =>
    outcomeOf(
      craft({ payload: claims({ iss: 'https://id.example.com', aud: 'waybill', ...extra }) }),
      strict,
    );

  it('J34 J35 are not asked for unless configured', async () => {
    expect(await outcomeOf(craft({ payload: claims({ iss: 'anyone', aud: 'anything' }) }))).toBe('user-1');
  });

  it('J34 J35 let in who fits, the audience also as one of several', async () => {
    expect(await strictOutcome({})).toBe('user-1');
    expect(await strictOutcome({ aud: ['other', 'waybill'] })).toBe('user-1');
  });

  it.each<[string, Json]>([
    ['no issuer', { iss: undefined }],
    ['another issuer', { iss: 'https://id.example.org' }],
    ['a look-alike issuer', { iss: 'https://id.example.com.evil.org' }],
    ['a slash too many', { iss: 'https://id.example.com/' }],
    ['an issuer in a list', { iss: ['https://id.example.com'] }],
    ['no audience', { aud: undefined }],
    ['another audience', { aud: 'billing' }],
    ['a longer audience', { aud: 'upload-gateway-admin' }],
    ['an audience that begins like ours', { aud: 'waybill-admin' }],
    ['an audience in capitals', { aud: 'WAYBILL' }],
    ['a list without us', { aud: ['a', 'b'] }],
    ['an empty list', { aud: [] }],
  ])('J34 J35 are refused for %s', async (_name, extra) => {
    expect(await strictOutcome(extra)).toBe('invalid_token');
  });
});

describe('the scope claim', () => {
  const granted = async (scope: unknown): Promise<Scope[]> => [
    ...(await tokens.verify(`Bearer ${craft({ payload: claims({ scope }) })}`)).scopes,
  ];

  it.each<[string, Scope[]]>([
    ['files:read', ['files:read']],
    ['files:read files:write', ['files:read', 'files:write']],
    ['openid admin email', ['admin']],
    ['', []],
    ['files:reading', []],
    ['FILES:READ', []],
    ['files:read,files:write', []],
  ])('%j grants %j', async (scope, expected) => {
    expect(await granted(scope)).toEqual(expected);
  });

  it.each([[['files:read']], [1], [null], [{}], [true]])('of the wrong type is refused: %j', (scope) =>
    expectRefused(craft({ payload: claims({ scope }) })),
  );
});

describe('a refusal', () => {
  it('J05 J33 J36 says neither which check failed nor anything of the token', async () => {
    const canary = 'canary-5f1d';
    const bad = [
      craft({ key: canary }),
      craft({ payload: claims({ sub: `${canary}\0` }) }),
      craft({ header: { alg: canary } }),
      craft({ payload: claims({ nbf: now() + 900 }) }),
    ];
    const messages = await Promise.all(
      bad.map((token) => tokens.verify(`Bearer ${token}`).then(String, (error: Error) => error.message)),
    );
    expect(new Set(messages).size).toBe(1);
    expect(messages[0]).not.toContain(canary);
  });
});
