import { type FormEvent, type ReactNode, useState } from 'react';
import type { Session } from '../../app/session.ts';
import { supabaseLogin } from '../../app/supabase.ts';
import type { SupabaseProject } from '../../app/supabase-login.ts';
import { explain } from '../../format/explain.ts';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Segments } from '../../ui/segments.tsx';
import { checkSession } from './check-session.ts';
import styles from './sign-in-page.module.css';

const WAYS = [
  { value: 'password', name: 'Password' },
  { value: 'link', name: 'Email link' },
] as const;

export interface SupabaseFormProps {
  readonly project: SupabaseProject;
  readonly onSignIn: (session: Session) => void;
}

/** Signs in users of the Supabase project, by password or by a link that is sent to them. */
export const SupabaseForm = ({ project, onSignIn }: SupabaseFormProps): ReactNode => {
  const [way, setWay] = useState<'password' | 'link'>('password');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [problem, setProblem] = useState<string>();
  const [sentTo, setSentTo] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const attempt = async (): Promise<void> => {
    const login = await supabaseLogin(project);
    if (way === 'link') {
      await login.sendLink(email);
      setSentTo(email);
      return;
    }
    const session = await login.withPassword(email, password);
    try {
      await checkSession(session);
    } catch (error) {
      await login.signOut();
      throw error;
    }
    onSignIn(session);
  };
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    setSentTo(undefined);
    await attempt().catch((error: unknown) => setProblem(explain(error)));
    setBusy(false);
  };
  return (
    <form className={styles.form} onSubmit={(event) => void submit(event)}>
      <Segments label="How to sign in" choices={WAYS} chosen={way} onChoose={setWay} />
      <TextField
        label="Email address"
        type="email"
        autoComplete="email"
        required
        value={email}
        onChange={({ target }) => setEmail(target.value)}
      />
      {way === 'password' && (
        <TextField
          label="Password"
          type="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={({ target }) => setPassword(target.value)}
        />
      )}
      {problem !== undefined && (
        <Notice tone="bad" isAlert>
          {problem}
        </Notice>
      )}
      {sentTo !== undefined && (
        <Notice tone="good" isAlert>
          A link is on its way to {sentTo}. Open it in this browser.
        </Notice>
      )}
      <Button kind="primary" isSubmit isBusy={isBusy}>
        {way === 'password' ? 'Sign in' : 'Send me a link'}
      </Button>
    </form>
  );
};
