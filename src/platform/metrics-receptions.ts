import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { type ReceivedVia, receivedVias } from '../core/incoming.ts';
import { SIZE_BUCKETS, TRANSFER_BUCKETS } from './metrics-buckets.ts';

const OUTCOMES = ['accepted', 'known', 'refused', 'aborted'] as const;
type ReceivedOutcome = (typeof OUTCOMES)[number];

/** One file that is coming in. Whoever began it ends it; only the first end counts. */
interface ReceptionMeter {
  took(bytes: number): void;
  accepted(sizeBytes: number): void;
  end(outcome: Exclude<ReceivedOutcome, 'accepted'>): void;
  /** It may be gone on with later, as another reception. */
  leave(): void;
}

export interface ReceptionMetrics {
  begin(via: ReceivedVia): ReceptionMeter;
  /** A file that ended before it began. */
  ended(via: ReceivedVia, outcome: Exclude<ReceivedOutcome, 'accepted'>): void;
}

export const createReceptionMetrics = (registry: Registry): ReceptionMetrics => {
  const registers = [registry];
  const files = new Counter({
    name: 'waybill_received_files_total',
    help: 'Receptions that ended',
    labelNames: ['via', 'outcome'],
    registers,
  });
  const bytes = new Counter({
    name: 'waybill_received_bytes_total',
    help: 'Bytes taken in',
    labelNames: ['via'],
    registers,
  });
  const sizes = new Histogram({
    name: 'waybill_received_size_bytes',
    help: 'Sizes of accepted files',
    labelNames: ['via'],
    buckets: [...SIZE_BUCKETS],
    registers,
  });
  const durations = new Histogram({
    name: 'waybill_receive_duration_seconds',
    help: 'From the first byte to the acknowledgement, of accepted files',
    labelNames: ['via'],
    buckets: [...TRANSFER_BUCKETS],
    registers,
  });
  const running = new Gauge({
    name: 'waybill_receptions_in_progress',
    help: 'Files that are coming in now',
    registers,
  });
  for (const via of receivedVias) {
    bytes.inc({ via }, 0);
    sizes.zero({ via });
    durations.zero({ via });
    for (const outcome of OUTCOMES) files.inc({ via, outcome }, 0);
  }
  return {
    begin: (via) => {
      const beganAt = performance.now();
      let isOver = false;
      running.inc();
      const leave = (): boolean => {
        if (isOver) return false;
        isOver = true;
        running.dec();
        return true;
      };
      return {
        took: (more) => bytes.inc({ via }, more),
        accepted: (sizeBytes) => {
          if (!leave()) return;
          files.inc({ via, outcome: 'accepted' });
          sizes.observe({ via }, sizeBytes);
          durations.observe({ via }, (performance.now() - beganAt) / 1_000);
        },
        end: (outcome) => {
          if (leave()) files.inc({ via, outcome });
        },
        leave: () => void leave(),
      };
    },
    ended: (via, outcome) => files.inc({ via, outcome }),
  };
};
