/** Who the token says is asking. Read without checking it: the gateway checks every request. */
export interface Session {
  /** As it was at sign-in. What lives longer than a moment asks `freshToken`. */
  readonly token: string;
  /** One that is still good, renewed where that can be. Rejects once it cannot. */
  readonly freshToken: () => Promise<string>;
  readonly owner: string;
  /** What people know the owner by: the address they sign in with, else the owner itself. */
  readonly name: string;
  readonly canWrite: boolean;
  readonly isAdmin: boolean;
  readonly scopes: readonly string[];
  /** Unix seconds; null: never, as far as the token says. */
  readonly expiresAt: number | null;
  /** Whether it was signed in for by Supabase, which renews its token. */
  readonly isRenewed: boolean;
}

const KEY = 'waybill.token';
/** Says that Supabase's own library holds the session of this tab. */
const RENEWED_KEY = 'waybill.renewed';

/** Null for what is no token at all. `renew` gives newer ones of the same user. */
export const readToken = (token: string, renew?: () => Promise<string>): Session | null => {
  const claims = claimsOf(token);
  if (claims === null) return null;
  const { sub, scope, exp, email } = claims;
  // A token without the claim may read and write its own files.
  const scopes = typeof scope === 'string' ? scope.split(' ') : ['files:read', 'files:write'];
  const isAdmin = scopes.includes('admin');
  const owner = typeof sub === 'string' ? sub : '';
  return {
    token,
    freshToken: renew ?? (() => Promise.resolve(token)),
    owner,
    name: typeof email === 'string' && email !== '' ? email : owner,
    canWrite: isAdmin || scopes.includes('files:write'),
    isAdmin,
    scopes,
    expiresAt: typeof exp === 'number' ? exp : null,
    isRenewed: renew !== undefined,
  };
};

/**
 * The session to begin with: of a link `/#token=…`, whose token is taken out of the address bar, else the one that this tab
 * had before it was loaded again. It is gone when the tab closes, and is never in a cookie.
 */
export const initialSession = (): Session | null => {
  const linked = new URLSearchParams(location.hash.slice(1)).get('token');
  if (linked !== null) history.replaceState(null, '', location.pathname + location.search);
  const token = linked?.trim() || sessionStorage.getItem(KEY);
  const session = token ? readToken(token) : null;
  if (session !== null) keepSession(session);
  return session;
};

/** Whether Supabase has a session to give back, or has just sent the visitor here with one. */
export const isReturning = (): boolean =>
  sessionStorage.getItem(RENEWED_KEY) !== null || /[#&](?:access_token|error_code)=/u.test(location.hash);

export const keepSession = ({ token, isRenewed }: Session): void => {
  forgetSession();
  if (isRenewed) sessionStorage.setItem(RENEWED_KEY, 'yes');
  else sessionStorage.setItem(KEY, token);
};

export const forgetSession = (): void => {
  for (const key of [KEY, RENEWED_KEY]) sessionStorage.removeItem(key);
};

const claimsOf = (token: string): Record<string, unknown> | null => {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === 'object' && claims !== null ? { ...claims } : null;
  } catch {
    return null;
  }
};
