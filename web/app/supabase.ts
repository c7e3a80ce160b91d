import { loadSettings } from './settings.ts';
import type { SupabaseLogin, SupabaseProject } from './supabase-login.ts';

let opened: Promise<SupabaseLogin> | null = null;

/** The one login of this page, loaded when it is first asked for. */
export const supabaseLogin = (project: SupabaseProject): Promise<SupabaseLogin> => {
  opened ??= import('./supabase-login.ts').then(({ openSupabaseLogin }) => openSupabaseLogin(project));
  return opened;
};

/** The login that the gateway's settings name; null: users sign in with tokens. */
export const configuredLogin = async (): Promise<SupabaseLogin | null> => {
  const { sign_in } = await loadSettings();
  return sign_in.kind === 'supabase' ? await supabaseLogin(sign_in) : null;
};

/** The login if this page has opened it. */
export const openedLogin = (): Promise<SupabaseLogin> | null => opened;
