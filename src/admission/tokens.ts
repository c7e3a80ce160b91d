import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify, SignJWT } from 'jose';
import { GatewayError } from '../core/errors.ts';
import { ANONYMOUS, isSubject, MAX_TOKEN_TTL_MS, type Principal, type Scope } from '../core/principal.ts';
import { KEY_SET_ALGORITHMS, type KeySet } from './key-set.ts';

export interface TokenOptions {
  /** What HS256 tokens are signed with. Unset: there are none. */
  readonly secret?: string | undefined;
  /** What all other tokens are signed with. Unset: there are none. Whoever made it closes it. */
  readonly keys?: Pick<KeySet, 'keyOf'> | undefined;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
}

export interface Tokens {
  /**
   * The principal of an `Authorization` header, for a request to `route`. Rejects with `invalid_token` or
   * `token_expired`, never saying which check a bad token failed beyond that, and with `unavailable` while the keys to
   * check it with cannot be had.
   */
  verify(authorization: string | undefined, route?: string): Promise<Principal>;
  /**
   * Makes a token for `sub`; without scopes it may read and write its own files. Null when there is no secret to sign
   * with, since an identity provider makes the tokens.
   */
  readonly sign: SignToken | null;
}

export type SignToken = (claims: {
  sub: string;
  scopes?: readonly Scope[];
  ttlMs: number;
}) => Promise<string>;

export const scopes: readonly Scope[] = ['files:read', 'files:write', 'admin'];
export const DEFAULT_SCOPES: ReadonlySet<Scope> = new Set(['files:read', 'files:write']);

/** Whose clock differs from ours by no more than this is still believed, for every time in a token. */
const CLOCK_TOLERANCE_SECONDS = 30;
/** The longest honest tokens, those of identity providers with many claims, stay below this. */
const MAX_TOKEN_CHARACTERS = 8_192;
/**
 * For how long a verified token is not verified again: of many small requests that would be a tenth of the work. As
 * much longer is a key believed that its provider has withdrawn.
 */
const REMEMBERED_MS = 30_000;
const MOST_REMEMBERED = 1_000;
/** What Supabase signs as a project's own keys: one is public, the other stands for everybody. Neither is a user. */
const ROLES_OF_NOBODY: ReadonlySet<unknown> = new Set(['anon', 'service_role']);

/**
 * Verifies and signs tokens (RFC 7519). HS256 is checked by the secret and nothing else, every other algorithm by the
 * key set and nothing else, so that no key is ever used with an algorithm that is not its own (RFC 8725, 3.1).
 */
export const createTokens = ({ secret, keys, issuer, audience }: TokenOptions): Tokens => {
  const key = secret === undefined ? null : new TextEncoder().encode(secret);
  const algorithms = [...(key === null ? [] : ['HS256']), ...(keys === undefined ? [] : KEY_SET_ALGORITHMS)];
  const keyOf: JWTVerifyGetKey = async (header, token) => {
    if (header.alg === 'HS256' && key !== null) return key;
    if (header.alg !== 'HS256' && keys !== undefined) return keys.keyOf(header, token);
    throw invalid(undefined);
  };
  const expected = {
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  };
  const verify = async (token: string): Promise<Principal> => {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keyOf, {
        algorithms,
        requiredClaims: ['exp', 'sub'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        ...expected,
      });
      refuseOtherKind(protectedHeader.typ);
      refuseNobody(payload);
      return {
        sub: subject(payload.sub),
        scopes: scopesOf(payload.scope),
        expiresAt: expiry(payload),
      };
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      if (error instanceof errors.JWTExpired) {
        throw new GatewayError('token_expired', 'The token has expired; get a new one.', { cause: error });
      }
      throw invalid(error);
    }
  };

  const remembered = new Map<string, { principal: Principal; until: number }>();
  return {
    verify: async (authorization) => {
      const token = bearer(authorization);
      const known = remembered.get(token);
      if (known !== undefined && Date.now() < known.until) return known.principal;
      const principal = await verify(token);
      if (remembered.size >= MOST_REMEMBERED) remembered.clear();
      const until = Math.min(Date.now() + REMEMBERED_MS, principal.expiresAt.getTime());
      remembered.set(token, { principal, until });
      return principal;
    },
    sign: key === null ? null : signer(key, { issuer, audience }),
  };
};

const signer =
  (key: Uint8Array, { issuer, audience }: Pick<TokenOptions, 'issuer' | 'audience'>): SignToken =>
  ({ sub, scopes: granted, ttlMs }) => {
    const now = Math.floor(Date.now() / 1_000);
    return new SignJWT(granted === undefined ? {} : { scope: granted.join(' ') })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setSubject(sub)
      .setIssuedAt(now)
      .setExpirationTime(now + Math.ceil(ttlMs / 1_000))
      .setIssuer(issuer ?? 'waybill')
      .setAudience(audience ?? 'waybill')
      .sign(key);
  };

/** Rejects with `insufficient_scope` unless the principal has the scope; `admin` has them all. */
export const requireScope = ({ scopes: granted }: Pick<Principal, 'scopes'>, scope: Scope): void => {
  if (granted.has(scope) || granted.has('admin')) return;
  throw new GatewayError('insufficient_scope', `The token lacks the scope ${scope}.`);
};

const bearer = (authorization: string | undefined): string => {
  if (authorization === undefined) {
    throw new GatewayError('invalid_token', 'A token is required: send "Authorization: Bearer <token>".');
  }
  const [, token] = /^bearer ([\w-]+\.[\w-]+\.[\w-]+)$/iu.exec(authorization) ?? [];
  if (token === undefined || token.length > MAX_TOKEN_CHARACTERS) throw invalid(undefined);
  if (!token.split('.').every(isCanonical)) throw invalid(undefined);
  return token;
};

/** Bytes have one form in base64url (RFC 4648, 3.5): one that differs in bits nobody reads was made by hand. */
const isCanonical = (text: string): boolean => Buffer.from(text, 'base64url').toString('base64url') === text;

/** A type that is stated must be the expected one (RFC 8725, 3.11): a refresh token is no access token. */
const refuseOtherKind = (typ: unknown): void => {
  if (typ === undefined) return;
  if (typeof typ !== 'string' || !/^(application\/)?(at\+)?jwt$/iu.test(typ)) throw invalid(undefined);
};

/** Nor may it be good for longer than anybody means it to be, as one whose times are in milliseconds is. */
const expiry = ({ exp, iat }: JWTPayload): Date => {
  const nowMs = Date.now();
  const toleranceMs = CLOCK_TOLERANCE_SECONDS * 1_000;
  const isSensible = exp !== undefined && exp * 1_000 <= nowMs + MAX_TOKEN_TTL_MS + toleranceMs;
  const isIssued = iat === undefined || iat * 1_000 <= nowMs + toleranceMs;
  if (!isSensible || !isIssued) throw invalid(undefined);
  return new Date(exp * 1_000);
};

const refuseNobody = ({ role }: JWTPayload): void => {
  if (ROLES_OF_NOBODY.has(role)) throw invalid(undefined);
};

const subject = (sub: unknown): string => {
  const isProper = typeof sub === 'string' && isSubject(sub) && sub !== ANONYMOUS;
  if (!isProper) throw invalid(undefined);
  return sub;
};

const scopesOf = (claim: unknown): ReadonlySet<Scope> => {
  if (claim === undefined) return DEFAULT_SCOPES;
  if (typeof claim !== 'string') throw invalid(undefined);
  return new Set(scopes.filter((scope) => claim.split(' ').includes(scope)));
};

const invalid = (cause: unknown): GatewayError =>
  new GatewayError('invalid_token', 'The token is not valid here; get another one.', { cause });
