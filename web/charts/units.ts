import { formatBytes, formatCount, formatSeconds } from '../format/quantities.ts';

/** What the figures of a chart are. */
export type Unit = 'count' | 'bytes' | 'seconds';

export const formats: Readonly<Record<Unit, (value: number) => string>> = {
  count: formatCount,
  bytes: formatBytes,
  seconds: formatSeconds,
};

const DECADES = Array.from({ length: 12 }, (_, power) => 10 ** power);

/** Steps of an axis that make round figures in that unit; null: the usual ones do. */
export const stepsOf: Readonly<Record<Unit, number[] | null>> = {
  count: DECADES.flatMap((decade) => [decade, 2 * decade, 5 * decade]),
  bytes: Array.from({ length: 50 }, (_, power) => 2 ** power),
  seconds: null,
};
