import type { ReactNode } from 'react';
import type { ProviderObject } from '../../../src/client/browser.ts';
import styles from './providers-page.module.css';

const SHOWN = 12;

/** The purposes that mean the same there stand together, with the file types that they take. */
export const Purposes = ({ purposes }: Pick<ProviderObject, 'purposes'>): ReactNode => {
  const groups = Map.groupBy(
    Object.entries(purposes),
    ([, { purpose, extensions }]) => `${purpose}|${extensions?.join(' ') ?? ''}`,
  );
  return (
    <ul className={styles.purposes}>
      {[...groups].map(([key, members]) => (
        <li key={key} className={styles.purpose}>
          <span>
            {members.map(([name], index) => (
              <span key={name}>
                {index > 0 && ', '}
                <code>{name}</code>
              </span>
            ))}
          </span>
          <span className={styles.types}>{typesOf(members[0]?.[1].extensions ?? null)}</span>
        </li>
      ))}
    </ul>
  );
};

const typesOf = (extensions: readonly string[] | null): string => {
  if (extensions === null) return 'Any type of file';
  const names = extensions.map((extension) => extension.replace(/^\./u, ''));
  const more = names.length - SHOWN;
  return `${names.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
};
