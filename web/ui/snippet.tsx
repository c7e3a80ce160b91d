import type { ReactNode } from 'react';
import { CopyButton } from './copy-button.tsx';
import { Scroll } from './scroll.tsx';
import styles from './snippet.module.css';

export interface SnippetProps {
  /** What it is, such as "curl". */
  readonly name: string;
  readonly code: string;
  /** What is copied where that is not what is shown, such as a token that is hidden. */
  readonly copied?: string;
}

/** Lines of code to take along. */
export const Snippet = ({ name, code, copied = code }: SnippetProps): ReactNode => (
  <figure className={styles.snippet}>
    <figcaption className={styles.head}>
      <span>{name}</span>
      <CopyButton text={copied} label={`Copy: ${name}`} />
    </figcaption>
    <Scroll label={name}>
      <pre className={styles.code}>
        <code>{code}</code>
      </pre>
    </Scroll>
  </figure>
);
