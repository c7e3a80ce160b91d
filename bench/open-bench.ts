import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench, BenchCase } from './bench-case.ts';
import type { Candidate } from './candidates/candidate.ts';
import { startSink } from './candidates/sink.ts';
import { startWaybill } from './candidates/waybill.ts';
import { startClient } from './client/client.ts';
import type { Flags } from './flags.ts';

export interface OpenBench extends Bench {
  /** Stops all that was started, the last first. */
  close(): Promise<void>;
}

let lastSeed = Date.now();

/** What a case needs: a client, a sink, a directory. The caller closes it. */
export const openBench = async (
  flags: Flags,
  { name }: BenchCase,
  root: { directory: string; path: string },
): Promise<OpenBench> => {
  const directory = join(root.directory, name);
  await mkdir(directory, { recursive: true });
  // Nothing of the caller's environment: its keys and settings are not for a measurement.
  const env = { PATH: root.path, NODE_ENV: 'production' };
  const started: Candidate[] = [];
  const use = <T extends Candidate>(candidate: T): T => {
    started.push(candidate);
    return candidate;
  };
  const sink = use(await startSink({ directory, env }));
  const client = startClient(env);
  const profiler = flags.profile === null ? [] : ['--cpu-prof', '--cpu-prof-dir', join(flags.profile, name)];
  return {
    sizes: flags.sizes,
    directory,
    env,
    client,
    sink,
    tusd: flags.tusd,
    seed: () => ++lastSeed,
    use,
    startWaybill: async () =>
      use(
        await startWaybill({ directory, env, root: flags.waybill, sinkUrl: sink.url, nodeOptions: profiler }),
      ),
    close: async () => {
      client.stop();
      for (const candidate of started.reverse()) await candidate.stop();
    },
  };
};
