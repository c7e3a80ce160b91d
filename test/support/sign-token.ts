import { type JWTPayload, SignJWT } from 'jose';

/** Given to gateways as JWT_SECRET_KEY, so that tests can make tokens of every kind. */
export const JWT_SECRET = 'a secret that only the tests of this checkout know';

export interface TokenClaims {
  readonly sub?: unknown;
  readonly scope?: unknown;
  /** Seconds from now; null leaves the claim out. */
  readonly expiresInSeconds?: number | null;
}

export interface TokenKind {
  readonly secret?: string;
  readonly alg?: string;
}

/** Signs a token for tests; good for an hour unless the claims say otherwise. */
export const signToken = (
  { expiresInSeconds = 3_600, ...claims }: TokenClaims,
  { secret = JWT_SECRET, alg = 'HS256' }: TokenKind = {},
): Promise<string> => {
  const token = new SignJWT({ ...claims } as JWTPayload).setProtectedHeader({ alg });
  if (expiresInSeconds !== null) token.setExpirationTime(Math.floor(Date.now() / 1_000) + expiresInSeconds);
  return token.sign(new TextEncoder().encode(secret));
};
