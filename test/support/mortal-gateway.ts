import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type GatewayProcess, type StartGatewayOptions, startGateway } from './start-gateway.ts';
import { until } from './until.ts';

/** A gateway that dies by SIGKILL at a chosen point of what it does; `die-at.mjs` says what counts as a point. */
export interface MortalGateway extends GatewayProcess {
  /** Starts counting; what it did until now does not count. */
  arm(): Promise<void>;
  /** What it has passed since, oldest first; the last is what it died at. */
  points(): Promise<readonly string[]>;
}

const PRELOAD = join(import.meta.dirname, 'die-at.mjs');
const logs: string[] = [];

// Registered when a test file imports this.
afterAll(async () => {
  await Promise.all(logs.splice(0).map((directory) => rm(directory, { recursive: true, force: true })));
});

/** Starts a gateway that, once armed, dies at its `point`-th point, counted from 1; at 0 it only counts. */
export const startMortalGateway = async (
  point: number,
  { env, ...options }: StartGatewayOptions,
): Promise<MortalGateway> => {
  const directory = await mkdtemp(join(tmpdir(), 'waybill-deaths-'));
  logs.push(directory);
  const log = join(directory, 'points');
  const gateway = await startGateway({
    ...options,
    env: { ...env, NODE_OPTIONS: `--import=${PRELOAD}`, DIE_AT: String(point), DIE_LOG: log },
  });
  const lines = async (): Promise<readonly string[]> => (await readFile(log, 'utf8')).trimEnd().split('\n');
  return {
    ...gateway,
    arm: async () => {
      process.kill(gateway.pid, 'SIGUSR2');
      await until('the gateway is armed', async () => (await lines())[0] === 'armed');
    },
    points: async () => (await lines()).slice(1),
  };
};
