import type { ReactNode } from 'react';
import { providerName } from '../../format/providers.ts';
import { CopyButton } from '../../ui/copy-button.tsx';
import type { AccountReport } from './plan.ts';
import styles from './upkeep-page.module.css';

const KINDS: Readonly<Record<AccountReport['examples'][number]['kind'], string>> = {
  ghost: 'Ghost',
  orphan: 'Orphan',
  foreign: 'Foreign',
  mismatched: 'Another size or account',
};

/** Some of an account's differences, by the ids to look for. */
export const DifferenceExamples = ({ account }: { account: AccountReport }): ReactNode =>
  account.examples.length > 0 && (
    <details className={styles.examples}>
      <summary>Examples at {providerName(account.provider)}</summary>
      <ul className={styles.ids}>
        {account.examples.map(({ kind, provider_file_id, file_id }) => (
          <li key={`${kind} ${provider_file_id}`} className={styles.example}>
            <span>{KINDS[kind]}</span>
            <code className={styles.id}>{provider_file_id}</code>
            <CopyButton text={provider_file_id} label={`Copy ${provider_file_id}`} />
            {file_id !== null && <code className={styles.id}>{file_id}</code>}
          </li>
        ))}
      </ul>
    </details>
  );
