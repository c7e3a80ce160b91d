import { AuthClient } from '@supabase/auth-js';
import { readToken, type Session } from './session.ts';

/** Signing in at the Supabase project whose users the gateway knows. All of it rejects with what Supabase says. */
export interface SupabaseLogin {
  /** Who this tab was, or whom a link has just brought here; null: nobody. */
  restore(): Promise<Session | null>;
  withPassword(email: string, password: string): Promise<Session>;
  /** Sends a message with a link that leads back here, signed in. */
  sendLink(email: string): Promise<void>;
  /** Calls back when the session can no longer be renewed, until the answer is called. */
  onEnd(listener: () => void): () => void;
  signOut(): Promise<void>;
}

export interface SupabaseProject {
  readonly url: string;
  readonly anon_key: string;
}

/** Load it only when it is needed: it brings Supabase's library with it. Renews the session of this tab from then on. */
export const openSupabaseLogin = ({ url, anon_key: apikey }: SupabaseProject): SupabaseLogin => {
  const client = new AuthClient({
    url: `${url.replace(/\/+$/u, '')}/auth/v1`,
    headers: { apikey },
    storageKey: 'waybill.supabase',
    // As with pasted tokens: gone when the tab closes.
    storage: sessionStorage,
    persistSession: true,
    autoRefreshToken: true,
    detectSessionInUrl: true,
    // A link is often opened in another tab than the one that asked for it, which the other flow could not use.
    flowType: 'implicit',
  });
  const freshToken = async (): Promise<string> => {
    const { data, error } = await client.getSession();
    if (error) throw error;
    if (data.session === null) throw new Error('Your session has ended. Sign in again.');
    return data.session.access_token;
  };
  const toSession = (token: string): Session => {
    const session = readToken(token, freshToken);
    if (session === null) throw new Error('Supabase answered with something that is no token.');
    return session;
  };
  return {
    restore: async () => {
      const { error } = await client.initialize();
      if (error) throw error;
      const { data } = await client.getSession();
      return data.session === null ? null : toSession(data.session.access_token);
    },
    withPassword: async (email, password) => {
      const { data, error } = await client.signInWithPassword({ email, password });
      if (error) throw error;
      return toSession(data.session.access_token);
    },
    sendLink: async (email) => {
      const emailRedirectTo = new URL('.', document.baseURI).href;
      const { error } = await client.signInWithOtp({ email, options: { emailRedirectTo } });
      if (error) throw error;
    },
    onEnd: (listener) => {
      const { data } = client.onAuthStateChange((event) => {
        if (event === 'SIGNED_OUT') listener();
      });
      return () => data.subscription.unsubscribe();
    },
    signOut: async () => void (await client.signOut({ scope: 'local' })),
  };
};
