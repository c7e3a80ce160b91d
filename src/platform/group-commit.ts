/**
 * Lets items that come while others are being written be written together, as databases do with commits: `writeAll`
 * gets all that have gathered, one group at a time, and answers for each in order. When a group fails, its items are
 * written one by one, so that none fails for another's sake; an item may therefore be written only in a transaction.
 */
export const createGroupCommit = <Item, Result>(
  writeAll: (items: readonly Item[]) => Promise<readonly Result[]>,
): ((item: Item) => Promise<Result>) => {
  let gathered: Waiting<Item, Result>[] = [];
  let isWriting = false;

  const writeGroup = async (group: readonly Waiting<Item, Result>[]): Promise<void> => {
    try {
      const results = await writeAll(group.map(({ item }) => item));
      for (const [index, { resolve }] of group.entries()) resolve(results[index] as Result);
    } catch (error) {
      const [only, ...others] = group;
      if (others.length === 0) only?.reject(error);
      else for (const one of group) await writeGroup([one]);
    }
  };

  const writeAllGathered = async (): Promise<void> => {
    isWriting = true;
    while (gathered.length > 0) {
      const group = gathered.slice(0, MOST_TOGETHER);
      gathered = gathered.slice(MOST_TOGETHER);
      await writeGroup(group);
    }
    isWriting = false;
  };

  return (item) => {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    gathered.push({ item, resolve, reject });
    if (!isWriting) void writeAllGathered();
    return promise;
  };
};

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (reason: unknown) => void;
}

/** Far below what one statement can take in parameters. */
const MOST_TOGETHER = 64;
