import type { ReactNode } from 'react';
import { formatAgo, formatExactly } from '../format/times.ts';

/** A time, from Unix seconds, as people say it; exactly when pointed at. */
export const When = ({ at }: { at: number }): ReactNode => (
  <time dateTime={new Date(at * 1_000).toISOString()} title={formatExactly(at)}>
    {formatAgo(at)}
  </time>
);
