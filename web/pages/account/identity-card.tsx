import type { ReactNode } from 'react';
import type { Session } from '../../app/session.ts';
import { Badge } from '../../ui/badge.tsx';
import { Card } from '../../ui/card.tsx';
import { type Fact, Facts } from '../../ui/facts.tsx';
import { When } from '../../ui/when.tsx';
import styles from './account-page.module.css';

const SCOPES: Readonly<Record<string, string>> = {
  'files:read': 'Read your files',
  'files:write': 'Send and delete files',
  admin: 'Run the gateway',
};

/** What the token says of its holder. */
export const IdentityCard = ({ session }: { session: Session }): ReactNode => {
  const { name, owner, scopes, expiresAt, isRenewed } = session;
  const facts: readonly Fact[] = [
    ['Signed in as', name || '–'],
    ...(name === owner ? [] : [['Owner', <code key="owner">{owner}</code>] as const]),
    [
      'May',
      <span key="scopes" className={styles.scopes}>
        {Object.entries(SCOPES)
          .filter(([scope]) => scopes.includes(scope) || scopes.includes('admin'))
          .map(([scope, text]) => (
            <Badge key={scope} tone={scope === 'admin' ? 'accent' : 'still'}>
              {text}
            </Badge>
          ))}
      </span>,
    ],
    [
      'Token ends',
      isRenewed ? 'Renewed by itself' : expiresAt === null ? 'Never' : <When key="end" at={expiresAt} />,
    ],
  ];
  return (
    <Card title="You">
      <Facts facts={facts} />
    </Card>
  );
};
