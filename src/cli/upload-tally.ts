import { formatBytes, formatDuration } from './format-quantity.ts';

/** Counts how the files of one call ended. */
export interface Tally {
  uploaded(bytes: number): void;
  failed(): void;
  count(): number;
  hasFailures(): boolean;
  /** `3 uploaded, 1 failed, 12 MB in 0:07` */
  summary(): string;
}

export const createTally = (clock: () => number = () => performance.now()): Tally => {
  const startedAtMs = clock();
  let uploaded = 0;
  let failed = 0;
  let bytes = 0;
  return {
    uploaded: (sizeBytes) => {
      uploaded += 1;
      bytes += sizeBytes;
    },
    failed: () => {
      failed += 1;
    },
    count: () => uploaded + failed,
    hasFailures: () => failed > 0,
    summary: () =>
      `${uploaded} uploaded, ${failed} failed, ${formatBytes(bytes)} in ${formatDuration(clock() - startedAtMs)}`,
  };
};
