import { useCallback, useEffect, useState } from 'react';
import { forgetSession, initialSession, isReturning, keepSession, type Session } from './session.ts';
import { configuredLogin, openedLogin } from './supabase.ts';

interface SignIn {
  readonly session: Session | null;
  /** While a session of Supabase is being looked for. */
  readonly isRestoring: boolean;
  /** Why the last session ended, or the last sign-in came to nothing. */
  readonly refusal: string | null;
}

const NOBODY: SignIn = { session: null, isRestoring: false, refusal: null };
const ENDED = 'Your session has ended. Sign in again.';

/** Who is signed in to this tab. */
export const useSession = (): SignIn & {
  readonly signIn: (session: Session) => void;
  /** With why, where it was not the user who wanted it. */
  readonly signOut: (why?: string) => void;
} => {
  const [state, setState] = useState<SignIn>(() => {
    const session = initialSession();
    return { ...NOBODY, session, isRestoring: session === null && isReturning() };
  });
  const { session, isRestoring } = state;
  const signIn = useCallback((signedIn: Session) => {
    keepSession(signedIn);
    setState({ ...NOBODY, session: signedIn });
  }, []);
  const signOut = useCallback((why?: string) => {
    forgetSession();
    void openedLogin()?.then((login) => login.signOut());
    setState({ ...NOBODY, refusal: why ?? null });
  }, []);

  useEffect(() => {
    if (!isRestoring) return;
    const restore = async (): Promise<void> => {
      const found = (await (await configuredLogin())?.restore()) ?? null;
      if (found === null) forgetSession();
      else keepSession(found);
      setState({ ...NOBODY, session: found });
    };
    restore().catch((error: unknown) => {
      forgetSession();
      history.replaceState(null, '', location.pathname + location.search);
      setState({ ...NOBODY, refusal: error instanceof Error ? error.message : String(error) });
    });
  }, [isRestoring]);

  useEffect(() => {
    if (session?.isRenewed !== true) return;
    let stop: (() => void) | undefined;
    let isOver = false;
    void openedLogin()?.then((login) => {
      if (!isOver) stop = login.onEnd(() => signOut(ENDED));
    });
    return () => {
      isOver = true;
      stop?.();
    };
  }, [session, signOut]);

  return { ...state, signIn, signOut };
};
