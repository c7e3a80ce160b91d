import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** What a postmaster says about itself in its data directory. */
export interface PostmasterFile {
  pid: number;
  port: number | undefined;
  isReady: boolean;
}

const FILE_NAME = 'postmaster.pid';

/** Line numbers from zero, from src/include/utils/pidfile.h of Postgres. */
const PID_LINE = 0;
const PORT_LINE = 3;
const STATUS_LINE = 7;

/** Reads it; nothing if there is none or it is not a postmaster's (a single-user server's pid is negative). */
export async function readPostmasterFile(dataDirectory: string): Promise<PostmasterFile | undefined> {
  const text = await readFile(join(dataDirectory, FILE_NAME), 'utf8').catch(() => '');
  const lines = text.split('\n');
  const pid = Number.parseInt(lines[PID_LINE] ?? '', 10);
  // Signalling pid 1 or a process group is never meant.
  if (!(pid > 1)) return undefined;
  const port = Number.parseInt(lines[PORT_LINE] ?? '', 10);
  return {
    pid,
    port: Number.isNaN(port) ? undefined : port,
    isReady: lines[STATUS_LINE]?.trim() === 'ready',
  };
}

export async function removePostmasterFile(dataDirectory: string): Promise<void> {
  await rm(join(dataDirectory, FILE_NAME), { force: true });
}
