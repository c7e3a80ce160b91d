import type { Bench, BenchCase, Contender, Row, Sample } from './bench-case.ts';
import { UnsupportedError } from './client/judge.ts';
import { syncDisks, touchPageCache, untilQuiet } from './measure/machine.ts';
import { resetPeaks, usageOf } from './measure/process-tree.ts';

export interface CaseOptions {
  readonly rounds: number;
  readonly onProgress: (line: string) => void;
}

const MOST_TOUCHED_MIB = 4_096;

/** Runs a case: every contender once a round, each round beginning with another one, so that drift hits all alike. */
export const runCase = async (
  bench: Bench,
  what: BenchCase,
  { rounds, onProgress }: CaseOptions,
): Promise<readonly Row[]> => {
  const contenders = await what.open(bench);
  const pids = (): number[] => [...new Set(contenders.map(({ candidate }) => candidate.pid))];
  const touchedMiB = Math.min(MOST_TOUCHED_MIB, what.touches * bench.sizes.largeMiB);
  for (const contender of contenders) await contender.warmUp();
  await untilQuiet(pids());
  const baselines = new Map(contenders.map((one) => [one, usageOf(one.candidate.pid).rssBytes]));
  const samples = new Map<Contender, Sample[]>(contenders.map((contender) => [contender, []]));
  const unsupported = new Set<Contender>();
  for (let round = 1; round <= rounds; round += 1) {
    for (const contender of rotated(contenders, round)) {
      if (unsupported.has(contender)) continue;
      await syncDisks();
      await untilQuiet(pids());
      if (touchedMiB > 0) await touchPageCache(bench.directory, touchedMiB);
      const sample = await measure(contender, round, baselines.get(contender) ?? 0);
      if (sample === null) unsupported.add(contender);
      else samples.get(contender)?.push(sample);
      onProgress(
        `  round ${round}  ${contender.name}: ${sample === null ? 'not supported' : progress(sample)}`,
      );
      await contender.clear();
    }
  }
  return contenders.map((contender) => ({
    name: contender.name,
    does: contender.does,
    state: unsupported.has(contender) ? 'unsupported' : 'measured',
    samples: samples.get(contender) ?? [],
  }));
};

const measure = async (
  contender: Contender,
  round: number,
  baselineBytes: number,
): Promise<Sample | null> => {
  const firstPid = contender.candidate.pid;
  resetPeaks(firstPid);
  const before = usageOf(firstPid);
  try {
    const measured = await contender.run();
    const after = usageOf(contender.candidate.pid);
    // A candidate that was killed in between starts from nothing.
    const { cpuSeconds, postgresCpuSeconds } =
      contender.candidate.pid === firstPid ? before : { cpuSeconds: 0, postgresCpuSeconds: 0 };
    return {
      ...measured,
      round,
      cpuSeconds: after.cpuSeconds - cpuSeconds,
      postgresCpuSeconds: after.postgresCpuSeconds - postgresCpuSeconds,
      peakRssBytes: after.peakRssBytes,
      growthBytes: Math.max(0, after.peakRssBytes - baselineBytes),
    };
  } catch (error) {
    if (error instanceof UnsupportedError) return null;
    throw error;
  }
};

const rotated = <T>(items: readonly T[], by: number): readonly T[] => {
  const from = (by - 1) % items.length;
  return [...items.slice(from), ...items.slice(0, from)];
};

const progress = ({ seconds, files, failures }: Sample): string => {
  const failed = Object.entries(failures).map(([reason, count]) => `; ${count} failed: ${reason}`);
  return `${files} in ${seconds.toFixed(2)} s${failed.join('')}`;
};
