import type { ReactNode } from 'react';
import styles from './scroll.module.css';

/** What may be wider or higher than its room. It can be reached by keyboard, since it has to be scrolled by it (WCAG 2.1.1). */
export const Scroll = ({ label, children }: { label: string; children: ReactNode }): ReactNode => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: see above.
  <section className={styles.scroll} tabIndex={0} aria-label={label}>
    {children}
  </section>
);
