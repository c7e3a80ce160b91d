import type { ReactNode } from 'react';
import { gatewayUrl } from '../../app/gateway.tsx';
import type { Session } from '../../app/session.ts';
import { useFreshToken } from '../../app/use-fresh-token.ts';
import { curlSnippet, openaiSnippet } from '../../format/snippets.ts';
import { Card } from '../../ui/card.tsx';
import { Snippet } from '../../ui/snippet.tsx';
import styles from './account-page.module.css';

/** How to send a file without the console. */
export const SnippetsCard = ({ session }: { session: Session }): ReactNode => {
  const url = gatewayUrl();
  const token = useFreshToken(session);
  return (
    <Card title="From your own programs">
      <p className={styles.muted}>
        Any client of OpenAI's Files API works with this address. What is copied contains your token: treat it
        like a password.
      </p>
      <div className={styles.columns}>
        <Snippet name="curl" code={curlSnippet(url)} copied={curlSnippet(url, token)} />
        <Snippet name="OpenAI library" code={openaiSnippet(url)} copied={openaiSnippet(url, token)} />
      </div>
    </Card>
  );
};
