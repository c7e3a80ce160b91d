import { useQuery } from '@tanstack/react-query';
import { Plug } from 'lucide-react';
import type { ReactNode } from 'react';
import { useGateway } from '../../app/gateway.tsx';
import { keys } from '../../app/keys.ts';
import { Card } from '../../ui/card.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { Loading } from '../../ui/loading.tsx';
import { PageHeader } from '../../ui/page-header.tsx';
import { Problem } from '../../ui/problem.tsx';
import { ProviderCard } from './provider-card.tsx';
import styles from './providers-page.module.css';

const REFRESH_MS = 15_000;

/** Where files can go, what is taken there, and how full it is. */
export const ProvidersPage = (): ReactNode => {
  const { waybill } = useGateway();
  const providers = useQuery({
    queryKey: keys.providers,
    queryFn: () => waybill.providers(),
    refetchInterval: REFRESH_MS,
  });
  return (
    <>
      <PageHeader title="Providers" text="Where your files can go, and what is taken there." />
      {providers.isPending && <Loading label="Loading the providers" lines={6} />}
      {providers.isError && <Problem error={providers.error} onRetry={() => void providers.refetch()} />}
      {providers.data?.length === 0 && (
        <Card>
          <EmptyState
            icon={Plug}
            title="No provider is switched on"
            text="A provider is on once its API key is set, such as KIMI_API_KEY."
          />
        </Card>
      )}
      <div className={styles.list}>
        {providers.data?.map((provider) => (
          <ProviderCard key={`${provider.id} ${provider.account}`} provider={provider} />
        ))}
      </div>
    </>
  );
};
