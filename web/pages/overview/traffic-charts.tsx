import type { ReactNode } from 'react';
import type { StatisticsObject } from '../../../src/client/browser.ts';
import { ChartCard } from '../../charts/chart-card.tsx';
import { formatBytes, formatCount, formatSeconds } from '../../format/quantities.ts';
import styles from './overview-page.module.css';

const SPANS: Readonly<Record<StatisticsObject['range'], number>> = {
  '1h': 3_600,
  '6h': 21_600,
  '24h': 86_400,
};

type Point = StatisticsObject['points'][number];

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);

const highest = (values: readonly (number | null)[], format: (value: number) => string): string => {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? '–' : `up to ${format(Math.max(...known))}`;
};

/** What has gone through the gateway, in four charts. Brings uPlot with it, so load it only where it is shown. */
export const TrafficCharts = ({ statistics }: { statistics: StatisticsObject }): ReactNode => {
  const { points, totals } = statistics;
  const span = SPANS[statistics.range];
  const at = points.map((point) => point.at);
  const of = <Value,>(read: (point: Point) => Value): Value[] => points.map(read);
  const deliveredBytes = of((point) => point.delivered_bytes);
  const receive = of((point) => point.receive_p95_seconds);
  const delivery = of((point) => point.delivery_p95_seconds);
  return (
    <div className={styles.charts}>
      <ChartCard
        title="Uploads"
        at={at}
        kind="bars"
        unit="count"
        spanSeconds={span}
        series={[
          { name: 'Files', colour: 1, values: of(({ files }) => files), summary: formatCount(totals.files) },
        ]}
      />
      <ChartCard
        title="Bytes"
        at={at}
        kind="lines"
        unit="bytes"
        spanSeconds={span}
        series={[
          {
            name: 'Received',
            colour: 1,
            values: of(({ bytes }) => bytes),
            summary: formatBytes(totals.bytes),
          },
          {
            name: 'Delivered',
            colour: 2,
            values: deliveredBytes,
            summary: formatBytes(deliveredBytes.reduce((total, bytes) => total + bytes, 0)),
          },
        ]}
      />
      <ChartCard
        title="Errors"
        at={at}
        kind="lines"
        unit="count"
        spanSeconds={span}
        series={[
          {
            name: 'Failed deliveries',
            colour: 'bad',
            values: of(({ failed }) => sum(failed)),
            summary: formatCount(sum(totals.failed)),
          },
          {
            name: 'Refused uploads',
            colour: 3,
            values: of(({ refused }) => refused),
            summary: formatCount(totals.refused),
          },
          {
            name: 'Gateway errors',
            colour: 4,
            values: of(({ errors }) => errors),
            summary: formatCount(totals.errors),
          },
        ]}
      />
      <ChartCard
        title="Time taken, 95th percentile"
        at={at}
        kind="lines"
        unit="seconds"
        spanSeconds={span}
        series={[
          { name: 'Receiving', colour: 1, values: receive, summary: highest(receive, formatSeconds) },
          { name: 'Delivering', colour: 2, values: delivery, summary: highest(delivery, formatSeconds) },
        ]}
      />
    </div>
  );
};
