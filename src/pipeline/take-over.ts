import { abandonedDeliveries } from '../tracking/delivery-attempts.ts';
import type { Dependencies } from './dependencies.ts';
import { deliverJob } from './job-kinds.ts';

const EVERY_MS = 30_000;

/**
 * Puts deliveries back in line, at once and now and again until the gateway stops, whose sender has died or stalled: another
 * instance's, or one of ours whose process was held up. Doing so twice is harmless, since one run claims.
 */
export const takeOverAbandoned = ({ database, jobs, stopping, log }: Dependencies): void => {
  const look = async (): Promise<void> => {
    const abandoned = await abandonedDeliveries(database);
    for (const { id, provider } of abandoned)
      await jobs.send(database, deliverJob(provider), { deliveryId: id });
    if (abandoned.length > 0) log.warn({ event: 'deliveries_taken_over', deliveries: abandoned.length });
  };
  const lookSafely = (): Promise<void> =>
    look().catch((error: unknown) => log.warn({ event: 'take_over_failed', err: error }));
  void lookSafely();
  const timer = setInterval(lookSafely, EVERY_MS).unref();
  stopping.addEventListener('abort', () => clearInterval(timer), { once: true });
};
