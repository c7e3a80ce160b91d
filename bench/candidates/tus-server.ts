import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Shape } from '../client/job.ts';
import type { ResumableCandidate } from './candidate.ts';
import type { PeerOptions } from './peers.ts';
import { freePort, type StartedProcess, startProcess } from './started-process.ts';
import { emptyDirectory, storeIn } from './store-directory.ts';

const SCRIPT = join(import.meta.dirname, '../servers/tus-server.js');

/** `@tus/server` with its file store. */
export const startTusServer = async (
  { directory, env }: PeerOptions,
  shape: Shape,
): Promise<ResumableCandidate> => {
  const store = await storeIn(directory, 'tus-server');
  const args = [SCRIPT, store, String(await freePort())];
  const start = async (): Promise<{ process: StartedProcess; url: string }> => {
    const started = startProcess({ name: 'tus-server', command: process.execPath, args, env, directory });
    return { process: started, url: await started.firstLine };
  };
  let current = await start();
  return {
    name: '@tus/server',
    get pid() {
      return current.process.pid;
    },
    does: 'no hash, no sync, no record',
    destination: { shape, url: `${current.url}/files`, headers: {}, fields: {}, expected: 'tus' },
    clear: () => emptyDirectory(store),
    stop: () => current.process.stop(),
    killAndRestart: async () => {
      await current.process.kill();
      current = await start();
    },
    sha256: async (location) => {
      const hash = createHash('sha256');
      await pipeline(createReadStream(join(store, location.split('/').at(-1) ?? '')), hash);
      return hash.digest('hex');
    },
  };
};
