import { errors, jwtVerify, SignJWT } from 'jose';
import { GatewayError } from '../core/errors.ts';
import type { Principal, Scope } from '../core/principal.ts';

export interface TokenOptions {
  readonly secret: string;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
}

export interface Tokens {
  /**
   * The principal of an `Authorization` header. Rejects with `invalid_token` or `token_expired`; never says which
   * check a bad token failed beyond that.
   */
  verify(authorization: string | undefined): Promise<Principal>;
  /** Makes a token for `sub`; without scopes it may read and write its own files. */
  sign(claims: { sub: string; scopes?: readonly Scope[]; ttlMs: number }): Promise<string>;
}

export const scopes: readonly Scope[] = ['files:read', 'files:write', 'admin'];
const DEFAULT_SCOPES: ReadonlySet<Scope> = new Set(['files:read', 'files:write']);

const ALGORITHM = 'HS256';
const CLOCK_TOLERANCE_SECONDS = 30;
/** The longest honest tokens, those of identity providers with many claims, stay below this. */
const MAX_TOKEN_CHARACTERS = 8_192;
/** Far beyond any honest lifetime: what claims more holds no time in seconds. */
const MAX_LIFETIME_SECONDS = 10 * 365 * 86_400;
/** For how long a verified token is not verified again: of many small requests that would be a tenth of the work. */
const REMEMBERED_MS = 30_000;
const MOST_REMEMBERED = 1_000;
const SUBJECT = /^[\x21-\x7e\u00a1-\uffff]{1,255}$/u;

/** Verifies and signs HS256 tokens (RFC 7519), the algorithm fixed as RFC 8725, 3.1 asks. */
export const createTokens = ({ secret, issuer, audience }: TokenOptions): Tokens => {
  const key = new TextEncoder().encode(secret);
  const expected = {
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  };
  const verify = async (token: string): Promise<Principal> => {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, key, {
        algorithms: [ALGORITHM],
        requiredClaims: ['exp', 'sub'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        ...expected,
      });
      refuseOtherKind(protectedHeader.typ);
      refuseEndless(payload.exp);
      return {
        sub: subject(payload.sub),
        scopes: scopesOf(payload.scope),
        expiresAt: new Date(payload.exp * 1_000),
      };
    } catch (error) {
      if (error instanceof errors.JWTExpired) {
        throw new GatewayError(
          'token_expired',
          'The token has expired; make a new one with `waybill token create`.',
          { cause: error },
        );
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
    sign: ({ sub, scopes: granted, ttlMs }) => {
      const now = Math.floor(Date.now() / 1_000);
      return new SignJWT(granted === undefined ? {} : { scope: granted.join(' ') })
        .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
        .setSubject(sub)
        .setIssuedAt(now)
        .setExpirationTime(now + Math.ceil(ttlMs / 1_000))
        .setIssuer(issuer ?? 'waybill')
        .setAudience(audience ?? 'waybill')
        .sign(key);
    },
  };
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
  return token;
};

/** A type that is stated must be the expected one (RFC 8725, 3.11): a refresh token is no access token. */
const refuseOtherKind = (typ: unknown): void => {
  if (typ === undefined) return;
  if (typeof typ !== 'string' || !/^(application\/)?(at\+)?jwt$/iu.test(typ)) throw invalid(undefined);
};

function refuseEndless(exp: number | undefined): asserts exp is number {
  const isSensible = exp !== undefined && exp <= Date.now() / 1_000 + MAX_LIFETIME_SECONDS;
  if (!isSensible) throw invalid(undefined);
}

const subject = (sub: unknown): string => {
  if (typeof sub !== 'string' || !SUBJECT.test(sub) || !sub.isWellFormed()) throw invalid(undefined);
  return sub;
};

const scopesOf = (claim: unknown): ReadonlySet<Scope> => {
  if (claim === undefined) return DEFAULT_SCOPES;
  if (typeof claim !== 'string') throw invalid(undefined);
  return new Set(scopes.filter((scope) => claim.split(' ').includes(scope)));
};

const invalid = (cause: unknown): GatewayError =>
  new GatewayError('invalid_token', 'The token is not valid here; make one with `waybill token create`.', {
    cause,
  });
