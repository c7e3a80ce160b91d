import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EICAR } from './eicar.ts';
import { until } from './until.ts';

const BINARY = '/usr/sbin/clamd';

/** Why the daemon cannot be tested with, or null. */
export const noClamd = existsSync(BINARY) ? null : `${BINARY} is not installed (Debian: clamav-daemon)`;

export interface Clamd {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts the real daemon with one signature of its own, for the EICAR test file; nothing is downloaded. */
export const startClamd = async ({ maxBytes = 25 * 2 ** 20 } = {}): Promise<Clamd> => {
  const directory = await mkdtemp(join(tmpdir(), 'clamd-'));
  await chmod(directory, 0o755);
  const signature = `Eicar-Test-Signature:0:*:${Buffer.from(EICAR, 'latin1').toString('hex')}\n`;
  await writeFile(join(directory, 'test.ndb'), signature);
  const socketPath = join(directory, 'clamd.ctl');
  const configPath = join(directory, 'clamd.conf');
  const settings = [
    'Foreground yes',
    `DatabaseDirectory ${directory}`,
    `LocalSocket ${socketPath}`,
    `StreamMaxLength ${maxBytes}`,
    ...(process.getuid?.() === 0 ? ['User root'] : []),
  ];
  await writeFile(configPath, `${settings.join('\n')}\n`);
  const daemon = spawn(BINARY, ['--config-file', configPath], { stdio: 'ignore' });
  const exited = once(daemon, 'exit');
  await until('clamd listens', async () => {
    if (daemon.exitCode !== null) throw new Error(`clamd has ended with ${daemon.exitCode}.`);
    const socket = connect(socketPath);
    try {
      await once(socket, 'connect');
      return true;
    } catch {
      return false;
    } finally {
      socket.destroy();
    }
  });
  return {
    url: `unix://${socketPath}`,
    stop: async () => {
      daemon.kill('SIGTERM');
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
};
