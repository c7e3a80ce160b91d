import type { ReactNode } from 'react';
import type { StatisticsObject } from '../../../src/client/browser.ts';
import { formatBytes, formatCount, formatSeconds, formatShare } from '../../format/quantities.ts';
import { Tile, Tiles } from '../../ui/tile.tsx';

const NEARLY_FULL = 0.1;
/** A delivery that waits longer than this waits for something. */
const LONG_WAIT_SECONDS = 300;

/** What matters now, for whoever runs the gateway. */
export const Figures = ({
  statistics: { totals, points, now },
}: {
  statistics: StatisticsObject;
}): ReactNode => {
  const delivered = sum(totals.delivered);
  const failed = sum(totals.failed);
  const attempts = delivered + failed;
  const times = points.map((point) => point.delivery_p95_seconds).filter((time) => time !== null);
  const capacity = now.storage_free_bytes === null ? null : now.storage_bytes + now.storage_free_bytes;
  const isNearlyFull = capacity !== null && (now.storage_free_bytes ?? 0) / capacity < NEARLY_FULL;
  const isWaitingLong = now.deliveries_waiting > 0 && now.oldest_waiting_seconds > LONG_WAIT_SECONDS;
  return (
    <Tiles>
      <Tile name="Uploaded" value={formatFiles(totals.files)} more={formatBytes(totals.bytes)} />
      <Tile
        name="Delivered"
        value={attempts === 0 ? '–' : formatShare(delivered / attempts)}
        more={
          attempts === 0
            ? 'No delivery has ended'
            : `${formatCount(delivered)} arrived, ${formatCount(failed)} failed`
        }
        tone={failed > 0 ? 'bad' : 'plain'}
      />
      <Tile
        name="Waiting"
        value={formatCount(now.deliveries_waiting)}
        more={
          now.deliveries_waiting === 0
            ? 'Nothing waits'
            : `The oldest for ${formatSeconds(Math.max(1, now.oldest_waiting_seconds))}`
        }
        tone={isWaitingLong ? 'busy' : 'plain'}
      />
      <Tile
        name="Storage"
        value={formatBytes(now.storage_bytes)}
        more={
          now.storage_free_bytes === null
            ? formatFiles(now.files)
            : `${formatBytes(now.storage_free_bytes)} free`
        }
        tone={isNearlyFull ? 'bad' : 'plain'}
      />
      <Tile
        name="Delivery time"
        value={times.length === 0 ? '–' : formatSeconds(times.at(-1) ?? 0)}
        more="95 of 100 are faster"
      />
    </Tiles>
  );
};

const formatFiles = (count: number): string => `${formatCount(count)} ${count === 1 ? 'file' : 'files'}`;

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);
