import type { ReactNode } from 'react';
import styles from './loading.module.css';

/** Lines in place of what is on its way. `label` is for those who cannot see them. */
export const Loading = ({ label, lines = 3 }: { label: string; lines?: number }): ReactNode => (
  <div className={styles.loading} role="status">
    <span className="visually-hidden">{label}</span>
    {Array.from({ length: lines }, (_, line) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: they are all the same.
      <span key={line} className={styles.line} aria-hidden="true" />
    ))}
  </div>
);
