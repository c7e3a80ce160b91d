/**
 * Gateways that are killed, stopped and lied to while clients use them, and what became of the files: `npm run test:soak`.
 * Starts everything it needs and removes what it made. docs/reliability.md says what is looked at and how to read it.
 */
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Caller, createCaller } from './soak/call.ts';
import { createChance } from './soak/chance.ts';
import { giveUpUploads, runPasses, settle } from './soak/heal.ts';
import { judge, strayBlobs, strayCopies } from './soak/judge.ts';
import { createLedger } from './soak/ledger.ts';
import { plagueGateways, troubleProviders } from './soak/nemesis.ts';
import { openWorld } from './soak/open-world.ts';
import { printLedger } from './soak/print-ledger.ts';
import type { StoreKind } from './soak/store.ts';
import { work } from './soak/worker.ts';

const USAGE = `usage: npm run test:soak -- [--minutes 3] [--seed N] [--workers 6] [--gateways 1|2] [--store disk|s3]
                            [--nemesis kill|kill,stop] [--pieces 2] [--logs DIR]
`;
const EX_USAGE = 2;

interface Plan {
  readonly minutes: number;
  readonly seed: number;
  readonly workers: number;
  readonly gateways: number;
  readonly pieces: number;
  readonly store: StoreKind;
  readonly stops: boolean;
  /** Keeps what the gateways log and what the clients do; null: nobody does. */
  readonly logs: string | null;
}

/** Null for a call that cannot be meant. */
const readPlan = (): Plan | null => {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '3' },
      seed: { type: 'string', default: `${Math.floor(Math.random() * 1e9)}` },
      workers: { type: 'string', default: '6' },
      gateways: { type: 'string', default: '2' },
      store: { type: 'string' },
      nemesis: { type: 'string', default: 'kill,stop' },
      pieces: { type: 'string', default: '2' },
      logs: { type: 'string' },
    },
  });
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
  const [workers, gateways, pieces] = [values.workers, values.gateways, values.pieces].map(countOf);
  if (workers === undefined || gateways === undefined || pieces === undefined) return null;
  const store = values.store ?? (gateways === 1 ? 'disk' : 's3');
  if (!(minutes > 0) || !Number.isSafeInteger(seed) || gateways > 2) return null;
  if (workers === 0 || gateways === 0 || pieces === 0) return null;
  if ((store !== 'disk' && store !== 's3') || (store === 'disk' && gateways === 2)) return null;
  if (values.nemesis !== 'kill' && values.nemesis !== 'kill,stop') return null;
  const stops = values.nemesis === 'kill,stop';
  return { minutes, seed, workers, gateways, pieces, store, stops, logs: values.logs ?? null };
};

/** 0 for what is no count. */
const countOf = (text: string): number => (/^[1-9]\d{0,2}$/u.test(text) ? Number(text) : 0);

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Opens files for what happens; the caller ends them. */
const openLogs = async (directory: string | null) => {
  if (directory === null) return { write: () => undefined, end: () => undefined };
  await mkdir(directory, { recursive: true });
  const streams = new Map<string, ReturnType<typeof createWriteStream>>();
  return {
    write: (name: string, text: string): void => {
      const stream = streams.get(name) ?? createWriteStream(join(directory, `${name}.jsonl`), { flags: 'a' });
      streams.set(name, stream);
      stream.write(text);
    },
    end: (): void => {
      for (const stream of streams.values()) stream.end();
    },
  };
};

/** Answers with the exit code. */
const run = async (plan: Plan): Promise<number> => {
  const logs = await openLogs(plan.logs);
  const ledger = createLedger((line) => logs.write('operations', line));
  const chance = createChance(plan.seed);
  const world = await openWorld(plan, { print, write: logs.write });
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  try {
    const { gateways, accounts } = world;
    const deeds = { kills: 0, stops: 0, faults: 0 };
    const storm = { gateways, accounts, ledger, deeds, stops: plan.stops };
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(plan.minutes * 60_000)]);
    const callers = new Map<string, Caller>();
    for (let n = 1; n <= plan.workers; n += 1) callers.set(`soak-${n}`, await createCaller(`soak-${n}`));
    const workers = [...callers].map(([owner, call]) =>
      work({ owner, call, chance: chance.branch(), ledger, gateways, pieces: plan.pieces, signal }),
    );
    await Promise.all([
      ...workers,
      plagueGateways({ ...storm, chance: chance.branch(), signal }),
      troubleProviders({ accounts, deeds, chance: chance.branch(), signal }),
    ]);
    const evidence = { ...world, callers, ledger };
    await giveUpUploads(evidence);
    const settledS = await settle(evidence);
    await pause(LIST_LAG_MS);
    const before = { copies: await strayCopies(evidence), blobs: await strayBlobs(evidence) };
    const passes = await runPasses(evidence);
    await settle(evidence);
    await judge(evidence);
    printLedger(print, { plan, ledger, deeds, settledS, before, passes });
    return ledger.violations.size === 0 ? 0 : 1;
  } finally {
    stop.abort();
    await world.close();
    logs.end();
  }
};

/** What a list may lag behind; younger copies are left to the next reconciliation. */
const LIST_LAG_MS = 6_000;

const plan = readPlan();
if (plan === null) process.stderr.write(USAGE);
process.exitCode = plan === null ? EX_USAGE : await run(plan);
