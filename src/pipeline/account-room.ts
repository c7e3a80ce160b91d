import type { Provider, ProviderId } from '../core/provider.ts';
import type { Queryable } from '../platform/database.ts';
import { type AccountUse, useByAccount } from '../tracking/accounts.ts';

/** What the accounts have room for, for choosing between them. A hint that may be some seconds old: what counts is the room made before sending. */
export interface AccountRoom {
  /** The providers whose account cannot take a file of this size without giving up another, each with a sentence for the user. */
  full(sizeBytes: number): Promise<ReadonlyMap<ProviderId, string>>;
}

const FRESH_MS = 2_000;

export const createAccountRoom = (database: Queryable, providers: Iterable<Provider>): AccountRoom => {
  const limited = [...providers].filter(
    ({ capabilities }) => capabilities.maxFiles !== null || capabilities.maxTotalBytes !== null,
  );
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<readonly AccountUse[]> = Promise.resolve([]);
  const read = (): Promise<readonly AccountUse[]> => {
    if (performance.now() - readAt < FRESH_MS) return reading;
    readAt = performance.now();
    reading = useByAccount(database);
    // Asked again at once after a failure.
    reading.catch(() => {
      readAt = Number.NEGATIVE_INFINITY;
    });
    return reading;
  };
  return {
    full: async (sizeBytes) => {
      const uses = await read();
      const full = limited.filter((provider) => !fits(sizeBytes, provider, uses));
      return new Map(full.map(({ id }) => [id, `The account at ${id} is full just now.`]));
    },
  };
};

const fits = (sizeBytes: number, { id, account, capabilities }: Provider, uses: readonly AccountUse[]) => {
  const use = uses.find((one) => one.provider === id && one.account === account);
  const { maxFiles, maxTotalBytes } = capabilities;
  return (
    (use?.files ?? 0) < (maxFiles ?? Number.POSITIVE_INFINITY) &&
    (use?.bytes ?? 0) + sizeBytes <= (maxTotalBytes ?? Number.POSITIVE_INFINITY)
  );
};
