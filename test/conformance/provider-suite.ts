/**
 * What every adapter owes its callers (`src/core/provider.ts`), line by line as checks against its emulator:
 *
 * - PRV-01 the bytes unchanged, once, announced by size, after the fields, under any name
 * - PRV-02 the source opened once, ended always, its faults passed on, its size held against the announced one
 * - PRV-03 progress as taken by the network, growing, ending at the size
 * - PRV-04 an abort ends the call with the signal's reason
 * - PRV-05 removal succeeds when the provider says that the file is not there, and only then
 * - PRV-06 every failure named, with its retry class, within the timeouts
 * - PRV-07 no credential in an error; the provider's words short and clean
 * - PRV-08 what the capabilities claim works, what they do not claim is refused
 * - PRV-09 a list whole and without repetition, or a failure
 */
import { describeChecks, type Skip } from './check.ts';
import { failureChecks } from './provider-failure-checks.ts';
import { fileChecks } from './provider-file-checks.ts';
import type { ProviderCheck, StartProvider } from './provider-subject.ts';
import { sourceChecks, uploadChecks } from './provider-upload-checks.ts';

export const providerChecks: readonly ProviderCheck[] = [
  ...uploadChecks,
  ...sourceChecks,
  ...failureChecks,
  ...fileChecks,
];

/** Holds an adapter to the contract. `start` gives it wired to its emulator (`providerStarter`). */
export const describeProvider = (
  name: string,
  { start, skip = [] }: { start: StartProvider; skip?: readonly Skip[] },
): void => describeChecks(name, providerChecks, { start, skip });
