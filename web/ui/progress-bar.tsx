import type { ReactNode } from 'react';
import styles from './progress-bar.module.css';

export interface ProgressBarProps {
  /** What goes on, for those who cannot see it. */
  readonly label: string;
  /** From 0 to 1; null while nobody knows. */
  readonly share: number | null;
  readonly tone?: 'accent' | 'good' | 'busy' | 'bad';
}

export const ProgressBar = ({ label, share, tone = 'accent' }: ProgressBarProps): ReactNode => {
  const percent = share === null ? undefined : Math.round(Math.min(1, Math.max(0, share)) * 100);
  return <progress className={styles.bar} data-tone={tone} aria-label={label} max={100} value={percent} />;
};
