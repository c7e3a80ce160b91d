export type Scope = 'files:read' | 'files:write' | 'admin';

/** Who is asking, as a verified token says. `sub` owns the files. */
export interface Principal {
  readonly sub: string;
  readonly scopes: ReadonlySet<Scope>;
  /** When the token ends; what goes on for longer than a request ends then too. */
  readonly expiresAt: Date;
  /** Set for whoever was let in without a token: since when and until when that is so. */
  readonly grace?: { readonly since: Date; readonly until: Date };
}

/** Who owns what comes without a token while that is let in. No token can name it. */
export const ANONYMOUS = 'anonymous';

/** A token that is good for longer than this from now is refused. */
export const MAX_TOKEN_TTL_MS = 366 * 86_400_000;
