import { type ReactNode, useEffect, useState } from 'react';
import type { Session } from '../../app/session.ts';
import { loadSettings, type Settings } from '../../app/settings.ts';
import { Button } from '../../ui/button.tsx';
import { Loading } from '../../ui/loading.tsx';
import { Mark } from '../../ui/mark.tsx';
import { Notice } from '../../ui/notice.tsx';
import styles from './sign-in-page.module.css';
import { SupabaseForm } from './supabase-form.tsx';
import { TokenForm } from './token-form.tsx';

export interface SignInPageProps {
  /** Why the last session ended, when the gateway ended it. */
  readonly refusal: string | null;
  readonly onSignIn: (session: Session) => void;
}

export const SignInPage = ({ refusal, onSignIn }: SignInPageProps): ReactNode => {
  const settings = useSettings();
  const [wantsToken, setWantsToken] = useState(false);
  const project = settings !== null && settings.sign_in.kind === 'supabase' ? settings.sign_in : null;
  useEffect(() => {
    document.title = 'Sign in · Waybill';
  }, []);
  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <p className={styles.brand}>
          <Mark /> Waybill
        </p>
        <h1 className={styles.title}>Sign in</h1>
        {refusal !== null && (
          <Notice tone="bad" isAlert>
            {refusal}
          </Notice>
        )}
        {settings === null && <Loading label="Asking how to sign in" />}
        {settings !== null &&
          (project !== null && !wantsToken ? (
            <SupabaseForm project={project} onSignIn={onSignIn} />
          ) : (
            <TokenForm onSignIn={onSignIn} />
          ))}
        {project !== null && (
          <div className={styles.other}>
            <Button kind="quiet" size="s" onClick={() => setWantsToken(!wantsToken)}>
              {wantsToken ? 'Sign in with your email address' : 'Use a token instead'}
            </Button>
          </div>
        )}
      </div>
      <p className={styles.foot}>
        The file layer between applications and model providers. <a href="./docs">API reference</a>
      </p>
    </main>
  );
};

const BY_TOKEN: Settings = { version: '', emulated: false, sign_in: { kind: 'token' }, grace_until: null };

/** Null while they are on their way. A gateway that does not say takes tokens, and says itself what is wrong. */
const useSettings = (): Settings | null => {
  const [settings, setSettings] = useState<Settings | null>(null);
  useEffect(() => {
    loadSettings().then(setSettings, () => setSettings(BY_TOKEN));
  }, []);
  return settings;
};
