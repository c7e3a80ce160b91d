import type { Provider, ProviderId } from '../core/provider.ts';
import type { Queryable } from '../platform/database.ts';
import { type AccountUse, useByAccount } from '../tracking/accounts.ts';

/** What the accounts have room for, for choosing between them. A hint that may be some seconds old: what counts is the room made before sending. */
export interface AccountRoom {
  /** The providers whose account cannot take a file of this size without giving up another, each with a sentence for the user. */
  full(sizeBytes: number): Promise<ReadonlyMap<ProviderId, string>>;
  /** Whether the account has so much room that one more file need not be counted exactly, which is then counted here. */
  isAmple(provider: Provider, sizeBytes: number): Promise<boolean>;
}

const FRESH_MS = 2_000;
/** Below this share of an account's limits nothing is counted exactly, if the use cannot have come near since it was read. */
const AMPLE_SHARE = 0.5;
/** As many instances as may be admitting files at the same pace as this one. */
const INSTANCES = 8;

export const createAccountRoom = (database: Queryable, providers: Iterable<Provider>): AccountRoom => {
  const limited = [...providers].filter(
    ({ capabilities }) => capabilities.maxFiles !== null || capabilities.maxTotalBytes !== null,
  );
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<readonly AccountUse[]> = Promise.resolve([]);
  let admitted = new Map<string, { files: number; bytes: number }>();
  const read = (): Promise<readonly AccountUse[]> => {
    if (performance.now() - readAt < FRESH_MS) return reading;
    readAt = performance.now();
    admitted = new Map();
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
    isAmple: async (provider, sizeBytes) => {
      const uses = await read();
      const use = useOf(uses, provider);
      const key = `${provider.id}/${provider.account}`;
      const before = admitted.get(key) ?? { files: 0, bytes: 0 };
      const since = { files: before.files + 1, bytes: before.bytes + sizeBytes };
      admitted.set(key, since);
      const { maxFiles, maxTotalBytes } = provider.capabilities;
      return (
        use.files + since.files * INSTANCES <= (maxFiles ?? Number.POSITIVE_INFINITY) * AMPLE_SHARE &&
        use.bytes + since.bytes * INSTANCES <= (maxTotalBytes ?? Number.POSITIVE_INFINITY) * AMPLE_SHARE
      );
    },
  };
};

const fits = (sizeBytes: number, provider: Provider, uses: readonly AccountUse[]): boolean => {
  const use = useOf(uses, provider);
  const { maxFiles, maxTotalBytes } = provider.capabilities;
  return (
    use.files < (maxFiles ?? Number.POSITIVE_INFINITY) &&
    use.bytes + sizeBytes <= (maxTotalBytes ?? Number.POSITIVE_INFINITY)
  );
};

const useOf = (
  uses: readonly AccountUse[],
  { id, account }: Pick<Provider, 'id' | 'account'>,
): Pick<AccountUse, 'files' | 'bytes'> =>
  uses.find((one) => one.provider === id && one.account === account) ?? { files: 0, bytes: 0 };
