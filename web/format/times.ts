const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

/** How long ago or ahead, from Unix seconds: "3 minutes ago", "in 2 days". */
export const formatAgo = (unixSeconds: number, nowMs = Date.now()): string => {
  const seconds = unixSeconds - nowMs / 1_000;
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return RELATIVE.format(Math.trunc(seconds / size), unit);
  }
  return seconds < 0 ? 'just now' : 'in a moment';
};

const EXACT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'UTC' });

/** To the second, in UTC. */
export const formatExactly = (unixSeconds: number): string => `${EXACT.format(unixSeconds * 1_000)} UTC`;
