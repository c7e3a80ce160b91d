import type { ReactNode } from 'react';
import styles from './page-header.module.css';

export interface PageHeaderProps {
  readonly title: string;
  readonly text?: string;
  readonly actions?: ReactNode;
}

/** The top of a page: its only `h1`. */
export const PageHeader = ({ title, text, actions }: PageHeaderProps): ReactNode => (
  <header className={styles.header}>
    <div>
      {/* Where the focus goes when the page is arrived at. */}
      <h1 tabIndex={-1}>{title}</h1>
      {text !== undefined && <p className={styles.text}>{text}</p>}
    </div>
    {actions !== undefined && <div className={styles.actions}>{actions}</div>}
  </header>
);
