/** Waybill beside its peers: `npm run bench -- --help`. */
import { accessSync, constants, existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import type { Row } from './bench-case.ts';
import { type Flags, parseFlags, USAGE } from './flags.ts';
import { judgeTarget } from './judge-targets.ts';
import { type OpenBench, openBench } from './open-bench.ts';
import { report } from './report.ts';
import { runCase } from './run-case.ts';

// biome-ignore lint/style/noProcessEnv: a program of its own, and its only place that reads the environment
const { PATH: path = '', TUSD } = process.env;

const findTusd = (given: string | null): string | null => {
  const named = given ?? TUSD;
  if (named !== undefined) return resolve(named);
  const candidates = path.split(delimiter).map((directory) => join(directory, 'tusd'));
  return candidates.find(isExecutable) ?? null;
};

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** Without its client a case fails, which stops and removes everything on the usual way. */
const interruptible = (bench: OpenBench): void => {
  process.removeAllListeners('SIGINT');
  process.on('SIGINT', () => bench.client.stop());
};

const run = async (flags: Flags): Promise<void> => {
  const directory = await mkdtemp(join(resolve(flags.directory), 'waybill-bench-'));
  const results: object[] = [];
  try {
    for (const one of flags.cases) {
      process.stderr.write(`${one.name}\n`);
      const bench = await openBench(flags, one, { directory, path });
      interruptible(bench);
      let rows: readonly Row[];
      try {
        rows = await runCase(bench, one, {
          rounds: flags.rounds,
          onProgress: (line) => process.stderr.write(`${line}\n`),
        });
      } finally {
        await bench.close();
        if (!flags.keep) await rm(join(directory, one.name), { recursive: true, force: true });
      }
      process.stdout.write(`\n${report(one, flags.sizes, rows)}`);
      const targets = one.targets.map((target) => judgeTarget(target, rows));
      results.push({ case: one.name, title: one.title(flags.sizes), rows, targets });
      if (flags.json !== null)
        await writeFile(flags.json, `${JSON.stringify({ sizes: flags.sizes, results }, null, 2)}\n`);
    }
  } finally {
    if (!flags.keep) await rm(directory, { recursive: true, force: true });
  }
};

const start = async (): Promise<void> => {
  const flags = parseFlags(process.argv.slice(2));
  if (flags === 'help') return void process.stdout.write(USAGE);
  if (!existsSync('/proc/self/clear_refs'))
    throw new Error('CPU and memory are read from /proc: this runs on Linux only.');
  const profile = flags.profile === null ? null : resolve(flags.profile);
  await run({ ...flags, tusd: findTusd(flags.tusd), waybill: resolve(flags.waybill), profile });
};

await start().catch((error) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
