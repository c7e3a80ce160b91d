const KIB = 2 ** 10;
const GIB = 2 ** 30;

/** Sizes of files, in bytes: 1 KB to 4 GB in powers of 4, and the largest that is accepted by default. */
export const SIZE_BUCKETS: readonly number[] = [
  ...Array.from({ length: 12 }, (_, power) => KIB * 4 ** power),
  8 * GIB,
];

/** Anything that bytes of files have a part in, in seconds: a small file on this machine to a large one over a slow line. */
export const TRANSFER_BUCKETS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3_600,
];

/** Passes over the record, in seconds. */
export const PASS_BUCKETS: readonly number[] = [0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3_600];
