import type { StatisticsObject } from '../api/statistics-object.ts';
import type { Caller } from './caller.ts';
import type { Wait } from './files.ts';
import { isStatistics } from './recognise.ts';

export interface StatisticsQuery extends Wait {
  /** How far back; default `1h`. */
  readonly range?: StatisticsObject['range'] | undefined;
}

export const readStatistics = (
  caller: Caller,
  { range, ...wait }: StatisticsQuery,
): Promise<StatisticsObject> =>
  caller.json({ method: 'GET', path: '/v1/statistics', query: { range }, ...wait }, isStatistics);
