import { execFile } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { usageOf } from './process-tree.ts';

const MIB = 2 ** 20;
const QUIET_LOOK_MS = 300;
const QUIET_SHARE = 0.05;
const QUIET_DEADLINE_MS = 20_000;

/**
 * Writes and drops a file: a virtual machine gives idle pages back to its host, and whoever writes first afterwards would
 * pay for getting them again.
 */
export const touchPageCache = async (directory: string, sizeMiB: number): Promise<void> => {
  const path = join(directory, 'page-cache');
  const handle = await open(path, 'w');
  const piece = Buffer.alloc(4 * MIB, 1);
  for (let written = 0; written < sizeMiB * MIB; written += piece.length) await handle.write(piece);
  await handle.close();
  await rm(path);
};

/** Leaves no candidate's unwritten pages for the next one to wait for. */
export const syncDisks = async (): Promise<void> => {
  await promisify(execFile)('sync');
};

/** Waits until none of the processes computes, for at most 20 s: what one still has to do must not cost the next. */
export const untilQuiet = async (pids: readonly number[]): Promise<void> => {
  const cpuSeconds = (): number =>
    pids.map(usageOf).reduce((total, usage) => total + usage.cpuSeconds + usage.postgresCpuSeconds, 0);
  const deadline = performance.now() + QUIET_DEADLINE_MS;
  let before = cpuSeconds();
  while (performance.now() < deadline) {
    await delay(QUIET_LOOK_MS);
    const now = cpuSeconds();
    if ((now - before) * 1_000 <= QUIET_LOOK_MS * QUIET_SHARE) return;
    before = now;
  }
};
