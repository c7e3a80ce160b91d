/** What the console has to know before anybody has signed in: `/console.json`. */
export interface Settings {
  readonly version: string;
  /** Whether emulators stand in for the providers. */
  readonly emulated: boolean;
  readonly sign_in:
    | { readonly kind: 'token' }
    | { readonly kind: 'supabase'; readonly url: string; readonly anon_key: string };
  /** Until when requests without a token are let in, in Unix seconds; null: never. */
  readonly grace_until: number | null;
}

export const loadSettings = async (): Promise<Settings> => {
  const answer = await fetch(new URL('console.json', document.baseURI), { cache: 'no-store' });
  if (!answer.ok) throw new Error(`The gateway answered ${answer.status}.`);
  return await answer.json();
};
