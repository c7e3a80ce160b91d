import { Upload } from 'lucide-react';
import type { ReactNode } from 'react';
import { useLocation } from 'wouter';
import { gatewayUrl } from '../../app/gateway.tsx';
import type { Session } from '../../app/session.ts';
import { useFreshToken } from '../../app/use-fresh-token.ts';
import { curlSnippet } from '../../format/snippets.ts';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { Snippet } from '../../ui/snippet.tsx';
import styles from './first-visit.module.css';

/** For who has sent nothing yet: what to do, and what happens then. */
export const FirstVisit = ({ session }: { session: Session }): ReactNode => {
  const [, go] = useLocation();
  const url = gatewayUrl();
  const token = useFreshToken(session);
  return (
    <Card>
      <div className={styles.start}>
        <div className={styles.words}>
          <h2 className={styles.title}>Send your first file</h2>
          <p className={styles.text}>
            It is kept here, checked, and delivered to the model providers you choose. You see each step as it
            happens.
          </p>
          {session.canWrite ? (
            <Button kind="primary" icon={Upload} onClick={() => go('/files')}>
              Upload a file
            </Button>
          ) : (
            <p className={styles.text}>Your token lets you read files but not send any.</p>
          )}
        </div>
        <div className={styles.code}>
          <p className={styles.text}>Or from a terminal. What is copied contains your token.</p>
          <Snippet name="curl" code={curlSnippet(url)} copied={curlSnippet(url, token)} />
        </div>
      </div>
    </Card>
  );
};
