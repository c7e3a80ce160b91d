const UNITS: Readonly<Record<string, number>> = { '': 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 };

/** A whole number, if need be with a unit of bytes, each 2^10 of the one before: `1000`, `500 MB`. Null: it is none. */
export const parseQuantity = (text: string): number | null => {
  const [, digits, unit = ''] = /^(\d{1,15})\s*(|[KMGT]B)$/iu.exec(text) ?? [];
  const value = Number(digits) * (UNITS[unit.toUpperCase()] ?? Number.NaN);
  return Number.isSafeInteger(value) ? value : null;
};
