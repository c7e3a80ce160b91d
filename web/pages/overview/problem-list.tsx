import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { Notice } from '../../ui/notice.tsx';
import type { Problem } from './find-problems.ts';
import styles from './overview-page.module.css';

/** What needs somebody; nothing at all where nothing does. */
export const ProblemList = ({ problems }: { problems: readonly Problem[] }): ReactNode =>
  problems.length > 0 && (
    <section aria-label="Needs attention">
      <ul className={styles.problems}>
        {problems.map(({ tone, text, path, action }) => (
          <li key={text}>
            <Notice
              tone={tone}
              action={
                path !== null && (
                  <Link className={styles.action} href={path}>
                    {action}
                  </Link>
                )
              }
            >
              {text}
            </Notice>
          </li>
        ))}
      </ul>
    </section>
  );
