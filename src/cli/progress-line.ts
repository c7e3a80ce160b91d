import { cutToWidth, displayWidth } from './display-width.ts';
import { formatBytes, formatDuration } from './format-quantity.ts';

export interface Progress {
  /** Clean. */
  readonly filename: string;
  readonly sentBytes: number;
  /** Null when the end is not known. */
  readonly totalBytes: number | null;
  readonly bytesPerSecond: number | null;
  /** How wide the line may be. */
  readonly columns: number;
}

const LONGEST_BAR = 30;
/** A bar shorter than this says less than the percentage beside it. */
const SHORTEST_BAR = 8;
const LONGEST_NAME = 40;

/** One line that says how far a transfer is: name, bar, percent, bytes, rate, time left; no wider than `columns`. */
export const formatProgress = (progress: Progress): string => {
  const { filename, totalBytes, columns } = progress;
  const name = cutToWidth(filename, Math.min(LONGEST_NAME, Math.max(8, Math.floor(columns / 3))));
  const facts = factsOf(progress).join('  ');
  const room = columns - displayWidth(name) - facts.length - 6;
  const bar =
    totalBytes === null || room < SHORTEST_BAR
      ? ''
      : barOf(progress, totalBytes, Math.min(room, LONGEST_BAR));
  return cutToWidth([name, bar, facts].filter(Boolean).join('  '), columns);
};

const factsOf = ({ sentBytes, totalBytes, bytesPerSecond }: Progress): string[] => {
  const rate = bytesPerSecond === null ? [] : [`${formatBytes(bytesPerSecond)}/s`];
  if (totalBytes === null) return [formatBytes(sentBytes), ...rate];
  const leftMs = bytesPerSecond === null ? null : ((totalBytes - sentBytes) / bytesPerSecond) * 1_000;
  return [
    `${Math.floor(shareOf(sentBytes, totalBytes) * 100)}%`.padStart(4),
    `${formatBytes(sentBytes)} of ${formatBytes(totalBytes)}`,
    ...rate,
    ...(leftMs === null || sentBytes >= totalBytes ? [] : [`${formatDuration(leftMs)} left`]),
  ];
};

const shareOf = (sentBytes: number, totalBytes: number): number =>
  totalBytes === 0 ? 1 : Math.min(1, sentBytes / totalBytes);

const barOf = ({ sentBytes }: Progress, totalBytes: number, width: number): string => {
  const filled = Math.floor(shareOf(sentBytes, totalBytes) * width);
  const done = '='.repeat(filled);
  return `[${(filled < width ? `${done}>` : done).slice(0, width).padEnd(width)}]`;
};
