import type { BenchCase } from './bench-case.ts';
import { knownBytes } from './cases/known-bytes.ts';
import { largeDelivered } from './cases/large-delivered.ts';
import { largeStored } from './cases/large-stored.ts';
import { limitedLinks } from './cases/limited-links.ts';
import { manyAtOnce } from './cases/many-at-once.ts';
import { resumeAfterKill } from './cases/resume-after-kill.ts';
import { slowProvider } from './cases/slow-provider.ts';
import { smallDelivered } from './cases/small-delivered.ts';
import { smallStored } from './cases/small-stored.ts';

/** In the order in which they run. */
export const cases: readonly BenchCase[] = [
  limitedLinks,
  largeStored,
  largeDelivered,
  smallStored,
  smallDelivered,
  manyAtOnce,
  slowProvider,
  resumeAfterKill,
  knownBytes,
];
