/** Does it to each, no more than `limit` at once, so that a browser's few connections are not all taken. Never rejects. */
export const fewAtOnce = async <Item>(
  items: readonly Item[],
  limit: number,
  act: (item: Item) => Promise<void>,
): Promise<void> => {
  const left = [...items];
  const work = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift())
      await act(item).catch(() => undefined);
  };
  await Promise.all(Array.from({ length: limit }, work));
};
