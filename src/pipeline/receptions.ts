import type { ProviderId } from '../core/provider.ts';

/** A file on its way in: no record has it yet. Totals of bytes so far. */
export interface Reception {
  readonly fileId: string;
  readonly owner: string;
  readonly filename: string;
  /** As announced; null when the client did not say. */
  readonly sizeBytes: number | null;
  readonly receivedBytes: number;
  readonly hashedBytes: number;
  /** What has gone on to providers that are sent the file while it comes in. */
  readonly sentBytes: ReadonlyMap<ProviderId, number>;
}

type ReceptionOutcome = 'recorded' | 'suspended' | 'aborted';

/** For whoever takes the file in, who must end it. Every total may be told as often as it grows. */
interface ReceptionHandle {
  received(totalBytes: number): void;
  hashed(totalBytes: number): void;
  sent(provider: ProviderId, totalBytes: number): void;
  /**
   * `recorded` once the row is committed, `suspended` when the rest may come later, `aborted` when nothing is kept.
   * Idempotent: the first outcome counts.
   */
  end(outcome: ReceptionOutcome): void;
}

export interface ReceptionNews {
  readonly fileId: string;
  readonly owner: string;
  /** Null while it goes on. */
  readonly outcome: ReceptionOutcome | null;
}

/** What this process is taking in just now. In memory only: a restart ends every reception. */
export interface Receptions {
  begin(start: Pick<Reception, 'fileId' | 'owner' | 'filename' | 'sizeBytes'>): ReceptionHandle;
  /** As it stands; null when there is none, or no more. */
  find(fileId: string): Reception | null;
  of(owner: string): readonly Reception[];
  /** Calls `listener` at every change, until what it returns is called. */
  listen(listener: (news: ReceptionNews) => void): () => void;
}

export const createReceptions = (): Receptions => {
  const running = new Map<string, Reception>();
  const listeners = new Set<(news: ReceptionNews) => void>();
  const tell = (news: ReceptionNews): void => {
    for (const listener of listeners) listener(news);
  };
  return {
    begin: (start) => {
      const { fileId, owner } = start;
      const sentBytes = new Map<ProviderId, number>();
      const reception = { ...start, receivedBytes: 0, hashedBytes: 0, sentBytes };
      running.set(fileId, reception);
      const moved = (): void => tell({ fileId, owner, outcome: null });
      return {
        received: (totalBytes) => {
          reception.receivedBytes = totalBytes;
          moved();
        },
        hashed: (totalBytes) => {
          reception.hashedBytes = totalBytes;
          moved();
        },
        sent: (provider, totalBytes) => {
          sentBytes.set(provider, totalBytes);
          moved();
        },
        end: (outcome) => {
          if (running.delete(fileId)) tell({ fileId, owner, outcome });
        },
      };
    },
    find: (fileId) => running.get(fileId) ?? null,
    of: (owner) => [...running.values()].filter((reception) => reception.owner === owner),
    listen: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
};
