import { randomUUID } from 'node:crypto';
import { type EarlySend, startEarlySend } from '../delivery/early-send.ts';
import type { Acceptance } from '../delivery/route.ts';
import { hasFileOfSize } from '../tracking/files.ts';
import { chooseRoute } from './choose-route.ts';
import type { Dependencies } from './dependencies.ts';
import type { Announced, Place } from './reception.ts';

/** Copies that are on their way while their file comes in. */
export interface CutThrough {
  /** Those that fit the file as it turned out, now the caller's to go on with; the others are ended. */
  matching(routed: readonly Acceptance[], sizeBytes: number): Promise<readonly EarlyCopy[]>;
  /** Ends those that nobody has taken over; nothing remains of them at the providers. Idempotent. */
  cancel(): Promise<void>;
}

/** A copy on its way, and the slot that it has. */
export interface EarlyCopy {
  readonly send: EarlySend;
  /** To be called once, when the copy's delivery has ended. */
  readonly giveBack: () => void;
}

/** Below, a file is there before a request to a provider would be. */
const MIN_BYTES = 2 ** 20;

/** What is known of a file's bytes before they are all there. */
interface Expected extends Announced {
  readonly place: Place;
  readonly onProgress: (provider: Acceptance['provider'], bytesSent: number) => void;
}

/**
 * Starts to send a file to the providers that will get it, each on its own, as it comes in. Not when the owner has a file
 * of that size, which may be the same one: the same bytes are not sent twice. And not where all slots are taken or the
 * provider is in trouble; those copies follow from the master.
 */
export const startCutThrough = async (
  dependencies: Dependencies,
  expected: Expected,
): Promise<CutThrough> => {
  const begun = new Set<EarlyCopy>();
  const sizeBytes = expected.sizeBytes ?? expected.likelySizeBytes ?? 0;
  if (sizeBytes >= MIN_BYTES) {
    for (const acceptance of await routeAhead(dependencies, { ...expected, sizeBytes })) {
      const copy = acceptance.accepted
        ? await begin(dependencies, { ...expected, sizeBytes }, acceptance)
        : null;
      if (copy !== null) begun.add(copy);
    }
  }
  const end = async ({ send, giveBack }: EarlyCopy): Promise<void> => {
    await send.cancel();
    giveBack();
  };
  return {
    matching: async (actual, actualBytes) => {
      const isMatch = ({ send }: EarlyCopy): boolean =>
        send.sizeBytes === actualBytes &&
        actual.some(
          (one) =>
            one.accepted && one.provider.id === send.provider.id && one.purpose === send.delivery.purpose,
        );
      const copies = [...begun];
      begun.clear();
      await Promise.all(copies.filter((copy) => !isMatch(copy)).map(end));
      return copies.filter(isMatch);
    },
    cancel: async () => {
      const copies = [...begun];
      begun.clear();
      await Promise.all(copies.map(end));
    },
  };
};

/** Where the file is going to go, as far as can be told; nowhere if that is better left until it is there. */
const routeAhead = async (
  dependencies: Dependencies,
  { owner, options, ...expected }: Expected & { readonly sizeBytes: number },
): Promise<readonly Acceptance[]> => {
  try {
    const isLikelyKnown = await hasFileOfSize(dependencies.database, owner, expected.sizeBytes);
    return isLikelyKnown ? [] : await chooseRoute(dependencies, { ...expected, ...options });
  } catch {
    // Told by the commit, which asks again.
    return [];
  }
};

const begin = async (
  { guards, blobs }: Dependencies,
  { filename, mediaType, sizeBytes, place, onProgress }: Expected & { readonly sizeBytes: number },
  { provider, purpose }: Extract<Acceptance, { accepted: true }>,
): Promise<EarlyCopy | null> => {
  const guard = guards.of(provider);
  if (guard.state !== 'closed' || guard.waitMs() > 0) return null;
  // What comes in slowly holds its slot for as long: half of them are left to files that are there.
  const keepFree = Math.ceil(provider.capabilities.concurrency / 2);
  const giveBack = await guards.slotsOf(provider).take({ waitMs: 0, keepFree });
  if (giveBack === null) return null;
  const send = startEarlySend({
    provider,
    file: { filename, mediaType, sizeBytes },
    delivery: { id: randomUUID(), purpose },
    read: (range) => blobs.read(place.blobKey, range),
    onProgress: (bytesSent) => onProgress(provider, bytesSent),
  });
  return { send, giveBack };
};
