import type { SignToken, Tokens } from '../admission/tokens.ts';

/**
 * A token of this gateway's own; null when an identity provider makes them all. Rejects as `Tokens.verify` for claims
 * that it would not take.
 */
export const signLocally = async (
  tokens: Tokens,
  claims: Parameters<SignToken>[0],
): Promise<string | null> => {
  if (tokens.sign === null) return null;
  const token = await tokens.sign(claims);
  await tokens.verify(`Bearer ${token}`);
  return token;
};
