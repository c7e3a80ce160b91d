import { CronExpressionParser } from 'cron-parser';

const TIMES_LOOKED_AT = 12;

/** The longest time between two of the times next to `from` that a schedule names, in milliseconds. */
export const cronPeriodMs = (cron: string, from: Date): number => {
  const schedule = CronExpressionParser.parse(cron, { tz: 'UTC', currentDate: from });
  const times = schedule.take(TIMES_LOOKED_AT).map((time) => time.getTime());
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? time));
  return Math.max(0, ...gaps);
};
