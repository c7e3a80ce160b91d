import { type FormEvent, type ReactNode, useState } from 'react';
import { readToken, type Session } from '../../app/session.ts';
import { explain } from '../../format/explain.ts';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
import { checkSession } from './check-session.ts';
import styles from './sign-in-page.module.css';

const HELP = (
  <>
    The gateway prints one when it starts; <code>waybill token create</code> makes more.
  </>
);

/** Takes a token that the gateway has taken. */
export const TokenForm = ({ onSignIn }: { onSignIn: (session: Session) => void }): ReactNode => {
  const [token, setToken] = useState('');
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const session = readToken(token.trim().replace(/^bearer\s+/iu, ''));
    if (session === null) {
      setProblem('That is no token: one has three parts with points between them.');
      return;
    }
    setBusy(true);
    try {
      await checkSession(session);
      onSignIn(session);
    } catch (error) {
      setProblem(explain(error));
      setBusy(false);
    }
  };
  return (
    <form className={styles.form} onSubmit={(event) => void submit(event)}>
      <TextField
        label="Token"
        type="password"
        autoComplete="off"
        spellCheck={false}
        required
        value={token}
        onChange={({ target }) => {
          setToken(target.value);
          setProblem(undefined);
        }}
        help={HELP}
        problem={problem}
      />
      <Button kind="primary" isSubmit isBusy={isBusy}>
        Sign in
      </Button>
    </form>
  );
};
