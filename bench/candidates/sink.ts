import { join } from 'node:path';
import type { SimpleCandidate } from './candidate.ts';
import type { PeerOptions } from './peers.ts';
import { startProcess } from './started-process.ts';

/** What an account at the sink has got since the last reset. */
export interface SinkCounters {
  /** All bytes of bodies, the forms around the files included. */
  readonly bodyBytes: number;
  readonly fileBytes: number;
  readonly uploads: number;
  /** Uploads of different content; fewer than `uploads` means that something came twice. */
  readonly distinct: number;
}

export interface Sink extends SimpleCandidate {
  readonly url: string;
  /** The base address of an account, without `/v1`. */
  account(name: 'direct' | 'kimi' | 'glm'): string;
  /** Forgets all files; each account's link then takes so many bytes a second. */
  reset(bytesPerSecond?: number | null): Promise<void>;
  counters(): Promise<Readonly<Record<string, SinkCounters>>>;
}

/** The provider of all candidates, as a process of its own; also a candidate, for uploads without a gateway. */
export const startSink = async ({ directory, env }: PeerOptions): Promise<Sink> => {
  const script = join(import.meta.dirname, '../servers/sink-server.ts');
  const started = startProcess({ name: 'sink', command: process.execPath, args: [script], env, directory });
  const url = await started.firstLine;
  const control = async (method: string, query = ''): Promise<unknown> =>
    (await fetch(`${url}/control${query}`, { method })).json();
  await control('POST');
  return {
    name: 'direct',
    pid: started.pid,
    does: 'the sink itself: reads and discards',
    url,
    destination: {
      shape: 'multipart',
      url: `${url}/direct/v1/files`,
      headers: {},
      fields: { purpose: 'user_data' },
      expected: 'file',
    },
    account: (name) => `${url}/${name}`,
    reset: async (bytesPerSecond = null) => void (await control('POST', `?rate=${bytesPerSecond ?? 0}`)),
    counters: async () => (await control('GET')) as Readonly<Record<string, SinkCounters>>,
    clear: async () => undefined,
    stop: () => started.stop(),
  };
};
