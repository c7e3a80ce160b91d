import { useQuery } from '@tanstack/react-query';
import { LogOut } from 'lucide-react';
import type { ReactNode } from 'react';
import { useGateway } from '../../app/gateway.tsx';
import { keys } from '../../app/keys.ts';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { Loading } from '../../ui/loading.tsx';
import { PageHeader } from '../../ui/page-header.tsx';
import { Problem } from '../../ui/problem.tsx';
import styles from './account-page.module.css';
import { IdentityCard } from './identity-card.tsx';
import { QuotaMeters } from './quota-meters.tsx';
import { SnippetsCard } from './snippets-card.tsx';
import { ThemeCard } from './theme-card.tsx';
import { UserQuotaCard } from './user-quota-card.tsx';

/** Who is signed in, what they may keep, and how they use the gateway from elsewhere. */
export const AccountPage = (): ReactNode => {
  const { waybill, session, signOut } = useGateway();
  const quota = useQuery({ queryKey: keys.quota, queryFn: () => waybill.quota() });
  return (
    <>
      <PageHeader
        title="Account"
        actions={
          <Button icon={LogOut} onClick={() => signOut()}>
            Sign out
          </Button>
        }
      />
      <div className={styles.columns}>
        <div className={styles.column}>
          <IdentityCard session={session} />
          <ThemeCard />
        </div>
        <div className={styles.column}>
          <Card title="What you keep">
            {quota.isPending && <Loading label="Loading your quota" />}
            {quota.isError && <Problem error={quota.error} onRetry={() => void quota.refetch()} />}
            {quota.data && <QuotaMeters quota={quota.data} />}
          </Card>
          {session.isAdmin && <UserQuotaCard />}
        </div>
      </div>
      <SnippetsCard session={session} />
    </>
  );
};
