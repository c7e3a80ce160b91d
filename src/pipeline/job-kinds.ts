import type { JobKind } from '../platform/jobs.ts';

/** Longer than any exchange with a provider may take (`TIMEOUT_TOTAL_MS` is a day at the most). */
const DELIVER_EXPIRES_SECONDS = 86_400;

/** Put one copy at its provider. */
export const deliverJob: JobKind<{ deliveryId: string }> = {
  queue: 'deliver',
  expireInSeconds: DELIVER_EXPIRES_SECONDS,
};

/** Take a deleted file away: every copy at its provider first, then the master copy. */
export const retireJob: JobKind<{ fileId: string }> = { queue: 'retire', expireInSeconds: 3_600 };
