import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StartupError } from '../startup-error.ts';
import { startEmbeddedPostgres } from './embedded-postgres.ts';
import { findPostgresBinaries } from './postgres-binaries.ts';
import { type StartServerOptions, startServer } from './start-server.ts';

const log = pino({ level: 'silent' });

let directory: string;
let options: StartServerOptions;
const listeners: Server[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'start-server-'));
  await (await startEmbeddedPostgres({ directory, log })).stop();
  const { uid, gid } = statSync(join(directory, 'data'));
  options = {
    dataDirectory: join(directory, 'data'),
    account: process.getuid?.() === 0 ? { uid, gid } : undefined,
    postgres: (await findPostgresBinaries()).postgres,
    password: readFileSync(join(directory, 'password'), 'utf8').trim(),
    log,
  };
});

afterEach(() => {
  for (const listener of listeners.splice(0)) listener.close();
  rmSync(directory, { recursive: true });
});

async function listen(): Promise<{ listener: Server; port: number }> {
  const listener = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  listeners.push(listener);
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('A TCP server has no port');
  return { listener, port: address.port };
}

describe('startServer', () => {
  it('asks for another port when the one it chose was taken meanwhile', async () => {
    const taken = await listen();
    const free = await listen();
    free.listener.close();
    const ports = [taken.port, free.port];
    const server = await startServer({ ...options, choosePort: async () => ports.shift() ?? 0 });
    expect(server.port).toBe(free.port);
    expect(ports).toEqual([]);
    await server.stop();
  });

  it('gives up when every port is taken, having told none of them the password', async () => {
    const { listener, port } = await listen();
    let connections = 0;
    listener.on('connection', () => {
      connections += 1;
    });
    const attempt = startServer({ ...options, choosePort: async () => port });
    await expect(attempt).rejects.toThrow(StartupError);
    await expect(attempt).rejects.toThrow(/does not start[\s\S]*Address already in use/);
    expect(connections).toBe(0);
  });
});
