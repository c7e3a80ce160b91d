import type { ReactNode } from 'react';
import styles from './badge.module.css';

export type BadgeTone = 'still' | 'good' | 'busy' | 'bad' | 'accent';

/** A state in one or two words. The words say it; the colour only helps. */
export const Badge = ({ tone, children }: { tone: BadgeTone; children: ReactNode }): ReactNode => (
  <span className={styles.badge} data-tone={tone}>
    {children}
  </span>
);
