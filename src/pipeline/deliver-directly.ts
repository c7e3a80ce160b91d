import { type Delivery, type FileWithDeliveries, hasEnded, type TrackedFile } from '../core/file.ts';
import type { Provider } from '../core/provider.ts';
import { LEASE_MS } from '../delivery/send-copy.ts';
import type { NewDelivery } from '../tracking/deliveries.ts';
import type { EarlyCopy } from './cut-through.ts';
import type { Dependencies } from './dependencies.ts';
import { endDelivery } from './end-delivery.ts';
import type { JustRecorded } from './record-file.ts';
import { carryOut, STOPPING_MS } from './run-delivery.ts';

/** How long a delivery waits in memory for its turn before it is left to the queue. */
const TURN_MS = 5_000;

/** The claim under which a delivery is recorded that this process carries out itself, without a job. Null: the queue is to have it. */
export const directClaim = (
  { guards, installation }: Pick<Dependencies, 'guards' | 'installation'>,
  provider: Provider,
): NewDelivery['claim'] => {
  const guard = guards.of(provider);
  return guard.state === 'closed' && guard.waitMs() === 0 ? { by: installation, leaseMs: LEASE_MS } : null;
};

interface DirectDelivery {
  readonly delivery: Delivery;
  readonly file: TrackedFile;
  /** Whether a copy of the same bytes may be there to serve it. */
  readonly mayShare: boolean;
  /** The file's bytes, where they are in memory still. */
  readonly bytes: readonly Buffer[] | null;
  readonly early: EarlyCopy | undefined;
  readonly sinceMs: number;
  /** When the last byte of the file was here, by `performance.now`. */
  readonly wholeAt: number;
}

/**
 * Carries out, behind the answer, a delivery that was recorded as claimed. What the process does not live to end, the
 * next start or another instance takes up from the record; what has to wait goes to the queue. Resolves when this
 * process has done what it could, with the file as it then is where that is at hand.
 */
const deliverDirectly = (
  dependencies: Dependencies,
  { delivery: recorded, file, mayShare, bytes, early, sinceMs, wholeAt }: DirectDelivery,
): Promise<FileWithDeliveries | null> => {
  const { providers, guards, background } = dependencies;
  // Nothing of it is there yet, although the record says, for the case of our death, that it may be.
  const delivery: Delivery = { ...recorded, doubt: 'none' };
  const provider = providers.get(delivery.provider);
  return background.run(async (signal) => {
    const giveBack =
      early?.giveBack ??
      (provider && (await guards.slotsOf(provider).take({ waitMs: TURN_MS, signal }))) ??
      null;
    if (giveBack === null) {
      const dueInMs = signal.aborted ? STOPPING_MS : 0;
      await endDelivery(dependencies, delivery, { status: 'pending', doubt: 'none', dueInMs });
      return null;
    }
    try {
      const claimed = {
        delivery,
        file,
        signal,
        giveBack,
        mayShare,
        bytes,
        early: early?.send,
        newSinceMs: sinceMs,
        wholeAt,
      };
      return await carryOut(dependencies, claimed);
    } finally {
      giveBack();
    }
  });
};

/** Sets the recorded deliveries going that this process carries out itself. */
export const deliverAll = async (
  dependencies: Dependencies,
  { file, deliveries, hasTwin: mayShare, sinceMs }: JustRecorded,
  { early, bytes, wholeAt }: Pick<DirectDelivery, 'bytes' | 'wholeAt'> & { early: readonly EarlyCopy[] },
): Promise<FileWithDeliveries | null> => {
  const { metrics } = dependencies;
  const ends = deliveries.map((delivery) => {
    if (delivery.status === 'failed')
      metrics.deliveries.failed(delivery.provider, delivery.errorCode ?? 'no_provider_accepts');
    const copy = early.find(({ send }) => send.delivery.id === delivery.id);
    if (delivery.status === 'uploading')
      return deliverDirectly(dependencies, {
        delivery,
        file,
        mayShare,
        bytes,
        early: copy,
        sinceMs,
        wholeAt,
      });
    return copy?.send.cancel().finally(copy.giveBack);
  });
  for (const end of await Promise.all(ends)) {
    if (end?.deliveries.every(({ status }) => hasEnded(status))) return end;
  }
  return null;
};
