import { join } from 'node:path';
import type { Destination, Shape } from '../client/job.ts';
import type { SimpleCandidate } from './candidate.ts';
import { freePort, startProcess, untilListening } from './started-process.ts';
import { emptyDirectory, storeIn } from './store-directory.ts';

export interface PeerOptions {
  /** Where it may keep files; exists. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
}

const BENCH = join(import.meta.dirname, '..');

/** What a Node programmer would write in an hour. */
export const startBarePut = async ({ directory, env }: PeerOptions): Promise<SimpleCandidate> => {
  const store = await storeIn(directory, 'bare-put');
  const args = [join(BENCH, 'servers/bare-put-server.ts'), store];
  const started = startProcess({ name: 'bare-put', command: process.execPath, args, env, directory });
  const url = `${await started.firstLine}/`;
  return {
    name: 'bare PUT',
    pid: started.pid,
    does: 'SHA-256 on the main thread, sync, no record',
    destination: { shape: 'put', url, headers: {}, fields: {}, expected: 'stored' },
    clear: () => emptyDirectory(store),
    stop: () => started.stop(),
  };
};

/** tusd, the protocol's reference server, in Go. */
export const startTusd = async (
  { directory, env }: PeerOptions,
  binary: string,
  shape: Shape,
): Promise<SimpleCandidate> => {
  const store = await storeIn(directory, 'tusd');
  const port = await freePort();
  const args = ['-host', '127.0.0.1', '-port', String(port), '-upload-dir', store, '-base-path', '/files/'];
  const started = startProcess({ name: 'tusd', command: binary, args, env, directory });
  await untilListening(port);
  const url = `http://127.0.0.1:${port}/files/`;
  const destination: Destination = { shape, url, headers: {}, fields: {}, expected: 'tus' };
  return {
    name: 'tusd',
    pid: started.pid,
    does: 'no hash, no sync, no record',
    destination,
    clear: () => emptyDirectory(store),
    stop: () => started.stop(),
  };
};

/** Portkey's gateway, which hands files on to the provider and keeps nothing. */
export const startPortkey = async (
  { directory, env }: PeerOptions,
  providerUrl: string,
): Promise<SimpleCandidate> => {
  const port = await freePort();
  const script = join(BENCH, 'node_modules/@portkey-ai/gateway/build/start-server.js');
  const args = [script, `--port=${port}`, '--headless'];
  const started = startProcess({ name: 'portkey', command: process.execPath, args, env, directory });
  await untilListening(port);
  const headers = {
    authorization: 'Bearer not-a-secret',
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `${providerUrl}/v1`,
  };
  return {
    name: 'Portkey',
    pid: started.pid,
    does: 'passes through; no hash, no copy, no record',
    destination: {
      shape: 'multipart',
      url: `http://127.0.0.1:${port}/v1/files`,
      headers,
      fields: { purpose: 'user_data' },
      expected: 'file',
    },
    clear: async () => undefined,
    stop: () => started.stop(),
  };
};
