import { setTimeout as delay } from 'node:timers/promises';
import type { Bench, BenchCase, Contender, Measured } from '../bench-case.ts';
import type { ResumableCandidate } from '../candidates/candidate.ts';
import { startTusServer } from '../candidates/tus-server.ts';
import type { Load } from '../client/job.ts';
import { MIB, oneFile } from '../contender.ts';

/** Slow enough that what was sent and not received is not in the sockets of this machine. */
const CLIENT_BYTES_PER_SECOND = 100 * MIB;

export const resumeAfterKill: BenchCase = {
  name: 'resume-after-kill',
  title: ({ largeMiB }) =>
    `tus, ${largeMiB} MiB at 100 MB/s, the server killed at a random point and started again`,
  touches: 0,
  targets: [
    {
      text: 'bytes sent again',
      bound: 'at most',
      limit: 1,
      unit: 'MiB',
      of: ['Waybill'],
      value: ({ values }) => (values?.sentAgainBytes ?? Number.NaN) / MIB,
    },
  ],
  open: async (bench) => [
    resuming(bench, (await bench.startWaybill()).resumable()),
    resuming(bench, bench.use(await startTusServer(bench, 'tus-patch'))),
  ],
};

const resuming = (bench: Bench, candidate: ResumableCandidate): Contender => {
  const load: Omit<Load, 'seed'> = oneFile(bench.sizes.largeMiB, CLIENT_BYTES_PER_SECOND);
  let made: readonly string[] = [];
  return {
    name: candidate.name,
    does: candidate.does,
    candidate,
    warmUp: async () => undefined,
    run: async () => {
      const whole = { ...load, seed: bench.seed() };
      const to = candidate.destination;
      const begun = bench.client.run({ kind: 'begin', to, load: whole });
      const sendMs = (load.sizeBytes / CLIENT_BYTES_PER_SECOND) * 1_000;
      const isOver = await Promise.race([
        begun.then(() => true),
        delay(sendMs * (0.1 + 0.8 * Math.random()), false),
      ]);
      if (!isOver) await candidate.killAndRestart();
      const { location, sentBytes } = await begun;
      const startedAt = performance.now();
      const resumed = await bench.client.run({ kind: 'resume', to, load: whole, location });
      const seconds = (performance.now() - startedAt) / 1_000;
      made = [location];
      const failure = resumed.failure ?? (await differs(candidate, location, resumed.sha256));
      const failures: Measured['failures'] = failure === null ? {} : { [failure]: 1 };
      const sentAgainBytes = Math.max(0, sentBytes - resumed.offsetBytes);
      return {
        seconds,
        files: failure === null ? 1 : 0,
        bytes: load.sizeBytes - resumed.offsetBytes,
        failures,
        values: { sentAgainBytes },
      };
    },
    clear: () => candidate.clear(made),
  };
};

/** Whether what the candidate holds is what the client has. */
const differs = async (
  candidate: ResumableCandidate,
  location: string,
  sha256: string,
): Promise<string | null> => {
  const held = await candidate.sha256(location);
  return held === sha256 ? null : `the hash differs: ${held}`;
};
