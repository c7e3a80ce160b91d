const KEY = /^[a-z0-9]{8,64}$/u;

export const isBlobKey = (text: string): boolean => KEY.test(text);

/** The key itself; throws `TypeError` for one that is not of our making. */
export const checkedKey = (key: string): string => {
  if (!isBlobKey(key)) throw new TypeError(`Not a blob key: ${JSON.stringify(key)}`);
  return key;
};
