import type { ReactNode } from 'react';
import { Router } from 'wouter';
import { useHashLocation } from 'wouter/use-hash-location';
import { SignInPage } from '../pages/sign-in/sign-in-page.tsx';
import { Loading } from '../ui/loading.tsx';
import { Toasts } from '../ui/toasts.tsx';
import { UploadsProvider } from '../upload/uploads-provider.tsx';
import { Gateway } from './gateway.tsx';
import { PageOutlet } from './page-outlet.tsx';
import { Shell } from './shell.tsx';
import { useSession } from './use-session.ts';

/** The whole console: signing in, and once somebody has, its pages. */
export const App = (): ReactNode => {
  const { session, isRestoring, refusal, signIn, signOut } = useSession();
  return (
    <Toasts>
      {isRestoring && <Loading label="Signing in" />}
      {!isRestoring && session === null && <SignInPage refusal={refusal} onSignIn={signIn} />}
      {session !== null && (
        <Gateway session={session} signOut={signOut}>
          <UploadsProvider>
            <Router hook={useHashLocation}>
              <Shell>
                <PageOutlet isAdmin={session.isAdmin} />
              </Shell>
            </Router>
          </UploadsProvider>
        </Gateway>
      )}
    </Toasts>
  );
};
