import type { ReactNode } from 'react';
import styles from './mark.module.css';

/** The sign of the product; says nothing to a screen reader, since the name stands beside it. */
export const Mark = (): ReactNode => (
  <svg className={styles.mark} viewBox="0 0 24 24" aria-hidden="true">
    <path d="M5.5 8l2.6 8.5L12 9.5l3.9 7L18.5 8" />
  </svg>
);
