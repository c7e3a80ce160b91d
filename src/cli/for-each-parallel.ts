/**
 * Works through the items, up to `parallel` at a time, and asks for no item before there is room for it. The first `work`
 * that rejects ends it all: `stop` is aborted, nothing more is begun, and once all that was begun has ended, this rejects
 * with what that one did.
 */
export const forEachParallel = async <Item>(
  items: AsyncIterable<Item>,
  { parallel, stop }: { readonly parallel: number; readonly stop: AbortController },
  work: (item: Item) => Promise<void>,
): Promise<void> => {
  const iterator = items[Symbol.asyncIterator]();
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    try {
      while (failures.length === 0) {
        const next = await iterator.next();
        if (next.done) return;
        await work(next.value);
      }
    } catch (error) {
      failures.push(error);
      stop.abort(error);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  await iterator.return?.();
  if (failures.length > 0) throw failures[0];
};
