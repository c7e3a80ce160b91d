import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Scope } from '../core/principal.ts';
import { createTokens, requireScope, type SignToken, scopes, type Tokens } from './tokens.ts';

const SECRET = 'a secret of more than thirty-two bytes, for these tests';
const tokens = createTokens({ secret: SECRET });

const sign = (verifier: Tokens, claims: Parameters<SignToken>[0]): Promise<string> => {
  if (verifier.sign === null) throw new Error('There is no secret.');
  return verifier.sign(claims);
};

/** The owner that a verifier takes a token for, or the code of its refusal. */
const outcomeOf = (token: string, verifier = tokens): Promise<string> =>
  verifier.verify(`Bearer ${token}`).then(
    ({ sub }) => sub,
    (error) => error.code,
  );

describe('requireScope', () => {
  const holder = (...held: Scope[]) => ({ sub: 'user-1', scopes: new Set(held) });

  it('lets pass who holds the scope, or all of them', () => {
    for (const scope of scopes) {
      expect(() => requireScope(holder(scope), scope)).not.toThrow();
      expect(() => requireScope(holder('admin'), scope)).not.toThrow();
    }
  });

  it.each<[Scope, Scope]>([
    ['files:read', 'files:write'],
    ['files:write', 'files:read'],
    ['files:write', 'admin'],
  ])('does not take %s for %s', (held, asked) => {
    expect(() => requireScope(holder(held), asked)).toThrow(
      expect.objectContaining({ code: 'insufficient_scope' }),
    );
  });
});

describe('a token we sign', () => {
  it('is one we take, for any subject that can be one and any scopes', async () => {
    const subjects = fc.stringMatching(/^[\x21-\x7e]{1,100}$/u);
    await fc.assert(
      fc.asyncProperty(
        subjects,
        fc.option(fc.subarray([...scopes]), { nil: undefined }),
        async (sub, chosen) => {
          const options = chosen === undefined ? {} : { scopes: chosen };
          const principal = await tokens.verify(
            `Bearer ${await sign(tokens, { sub, ttlMs: 60_000, ...options })}`,
          );
          expect(principal.sub).toBe(sub);
          expect([...principal.scopes]).toEqual(chosen ?? ['files:read', 'files:write']);
        },
      ),
    );
  });

  it('carries what is configured, and is refused by whoever wants something else', async () => {
    const issuing = createTokens({ secret: SECRET, issuer: 'us', audience: 'them' });
    const token = await sign(issuing, { sub: 'user-1', ttlMs: 60_000 });
    expect(await outcomeOf(token, issuing)).toBe('user-1');
    expect(await outcomeOf(token)).toBe('user-1');
    expect(await outcomeOf(token, createTokens({ secret: SECRET, issuer: 'others' }))).toBe('invalid_token');
    expect(await outcomeOf(token, createTokens({ secret: `${SECRET}!` }))).toBe('invalid_token');
  });

  it('ends when it was told to', async () => {
    const token = await sign(tokens, { sub: 'user-1', ttlMs: -60_000 });
    expect(await outcomeOf(token)).toBe('token_expired');
  });
});
