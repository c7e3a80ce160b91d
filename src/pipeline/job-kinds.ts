import { type ProviderId, providerIds } from '../core/provider.ts';
import type { JobKind } from '../platform/jobs.ts';
import type { PassKind } from '../tracking/passes.ts';

/** Longer than any exchange with a provider may take (`TIMEOUT_TOTAL_MS` is a day at the most). */
const DELIVER_EXPIRES_SECONDS = 86_400;

/** Put one copy at its provider. A queue for each provider, so that a slow one does not hold up the others. */
export const deliverJob = (provider: ProviderId): JobKind<{ deliveryId: string }> => ({
  queue: `deliver-${provider}`,
  expireInSeconds: DELIVER_EXPIRES_SECONDS,
});

/** Take a deleted file away: every copy at its provider first, then the master copy. */
export const retireJob: JobKind<{ fileId: string }> = { queue: 'retire', expireInSeconds: 3_600 };

/** Look whether a provider has finished with a copy that it took. */
export const settleJob: JobKind<{ deliveryId: string }> = { queue: 'settle', expireInSeconds: 300 };

/** Look for copies that attempts given up left at the provider after all, and remove them. */
export const tidyJob: JobKind<{ deliveryId: string }> = { queue: 'tidy', expireInSeconds: 3_600 };

/** Remove an evicted copy, should the process that gave it up have died before it did. */
export const evictJob: JobKind<{ deliveryId: string }> = { queue: 'evict', expireInSeconds: 3_600 };

/** Begin a pass of a kind; its schedule asks for it. */
export const beginPassJob = (kind: PassKind): JobKind<Record<string, never>> => ({
  queue: `begin-${kind}`,
  expireInSeconds: 300,
});

/** Run a pass that has begun, over however many rows there are. */
export const passJob: JobKind<{ passId: string }> = { queue: 'pass', expireInSeconds: 86_400 };

/** Every queue there is; those of providers that are off too, since their jobs must not be lost. */
export const jobKinds: readonly JobKind<object>[] = [
  ...providerIds.map(deliverJob),
  settleJob,
  tidyJob,
  evictJob,
  retireJob,
  beginPassJob('cleanup'),
  beginPassJob('reconcile'),
  passJob,
];
