import { lazy, type ReactNode, Suspense, useState } from 'react';
import { useGateway } from '../../app/gateway.tsx';
import { Card } from '../../ui/card.tsx';
import { Loading } from '../../ui/loading.tsx';
import { PageHeader } from '../../ui/page-header.tsx';
import { Problem } from '../../ui/problem.tsx';
import { Segments } from '../../ui/segments.tsx';
import { QuotaMeters } from '../account/quota-meters.tsx';
import { Figures } from './figures.tsx';
import { FirstVisit } from './first-visit.tsx';
import { LatestFiles } from './latest-files.tsx';
import styles from './overview-page.module.css';
import { ProblemList } from './problem-list.tsx';
import { ProviderGlance } from './provider-glance.tsx';
import { type Range, ranges, useOverview } from './use-overview.ts';

const TrafficCharts = lazy(async () => ({
  default: (await import('./traffic-charts.tsx')).TrafficCharts,
}));

/** How the gateway is, for who runs it; what one has here, for everybody else. */
export const OverviewPage = (): ReactNode => {
  const { session } = useGateway();
  const [range, setRange] = useState<Range>('1h');
  const { files, providers, quota, statistics, problems, error, retry } = useOverview(range);
  const hasTraffic = statistics !== undefined && (statistics.now.files > 0 || statistics.totals.files > 0);
  return (
    <>
      <PageHeader
        title="Overview"
        actions={
          hasTraffic && <Segments label="Time shown" choices={ranges} chosen={range} onChoose={setRange} />
        }
      />
      {error !== null && <Problem error={error} onRetry={retry} />}
      <ProblemList problems={problems} />
      {files?.length === 0 && <FirstVisit session={session} />}
      {hasTraffic && <Figures statistics={statistics} />}
      {hasTraffic && (
        <Suspense fallback={<Loading label="Loading the charts" lines={6} />}>
          <TrafficCharts statistics={statistics} />
        </Suspense>
      )}
      <div className={styles.halves} data-even={files?.length === 0}>
        {files === undefined && error === null && <Loading label="Loading your files" lines={6} />}
        {files !== undefined && files.length > 0 && <LatestFiles files={files} />}
        <div className={styles.side} data-flat={files?.length === 0}>
          {providers !== undefined && <ProviderGlance providers={providers} />}
          {!session.isAdmin && quota !== undefined && (
            <Card title="What you keep">
              <QuotaMeters quota={quota} />
            </Card>
          )}
        </div>
      </div>
    </>
  );
};
