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

const SUBJECT = /^[\x21-\x7e\u00a1-\uffff]{1,255}$/u;

/** Whether a text can be the `sub` of somebody: without spaces, control characters and halves of characters. */
export const isSubject = (text: string): boolean => SUBJECT.test(text) && text.isWellFormed();

/** Who owns what comes without a token while that is let in. No token can name it. */
export const ANONYMOUS = 'anonymous';

/** A token that is good for longer than this from now is refused. */
export const MAX_TOKEN_TTL_MS = 366 * 86_400_000;
