import type { ReactNode } from 'react';
import type { PassObject } from '../../../src/client/browser.ts';
import { providerName } from '../../format/providers.ts';
import { formatCount } from '../../format/quantities.ts';
import { Badge, type BadgeTone } from '../../ui/badge.tsx';
import { Scroll } from '../../ui/scroll.tsx';
import { DifferenceExamples } from './difference-examples.tsx';
import type { AccountReport } from './plan.ts';
import styles from './upkeep-page.module.css';

const STATES: Readonly<Record<AccountReport['state'], readonly [BadgeTone, string]>> = {
  ok: ['good', 'Compared'],
  list_failed: ['bad', 'List unreadable'],
  suspicious: ['busy', 'Not believed'],
  unreachable: ['bad', 'No such account set'],
};

/** What was found in each account. */
export const ReconcileReport = ({
  pass: { report },
}: {
  pass: Extract<PassObject, { kind: 'reconcile' }>;
}): ReactNode =>
  report !== null &&
  report.accounts.length > 0 && (
    <>
      <Scroll label="Accounts compared">
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">Account</th>
              <th scope="col">State</th>
              <th scope="col">Matched</th>
              <th scope="col">Ghosts</th>
              <th scope="col">Orphans</th>
              <th scope="col">Foreign</th>
            </tr>
          </thead>
          <tbody>
            {report.accounts.map((account) => (
              <Row key={`${account.provider} ${account.account}`} account={account} />
            ))}
          </tbody>
        </table>
      </Scroll>
      <p className={styles.muted}>
        A ghost is on record but not at the provider. An orphan is at the provider, sent by this gateway, but
        not on record. Foreign files are somebody else's and are never touched.
      </p>
      {report.accounts.map((account) => (
        <DifferenceExamples key={`${account.provider} ${account.account}`} account={account} />
      ))}
    </>
  );

const Row = ({ account }: { account: AccountReport }): ReactNode => {
  const [tone, word] = STATES[account.state];
  const { ghosts, orphans } = account;
  return (
    <tr>
      <th scope="row">
        {providerName(account.provider)} <code className={styles.account}>{account.account}</code>
        {account.detail !== null && <span className={styles.why}>{account.detail}</span>}
      </th>
      <td>
        <Badge tone={tone}>{word}</Badge>
      </td>
      <td>
        {formatCount(account.matched)} of {formatCount(account.tracked)}
      </td>
      <td>{formatCount(ghosts.redelivered + ghosts.marked + ghosts.left)}</td>
      <td>{formatCount(orphans.adopted + orphans.removed + orphans.left)}</td>
      <td>{formatCount(account.foreign)}</td>
    </tr>
  );
};
