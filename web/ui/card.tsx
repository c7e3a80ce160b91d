import { type ReactNode, useId } from 'react';
import styles from './card.module.css';

export interface CardProps {
  readonly title?: string;
  /** Beside the title: what can be done with the whole. */
  readonly actions?: ReactNode;
  /** Without a padding of its own, for tables and lists that reach its edges. */
  readonly isFlush?: boolean;
  readonly children: ReactNode;
}

/** A part of a page that belongs together. */
export const Card = ({ title, actions, isFlush = false, children }: CardProps): ReactNode => {
  const id = useId();
  return (
    <section
      className={styles.card}
      data-flush={isFlush}
      aria-labelledby={title === undefined ? undefined : id}
    >
      {title !== undefined && (
        <header className={styles.head}>
          <h2 id={id}>{title}</h2>
          {actions !== undefined && <div className={styles.actions}>{actions}</div>}
        </header>
      )}
      {children}
    </section>
  );
};
