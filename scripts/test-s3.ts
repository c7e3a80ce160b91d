/**
 * Holds the S3 blob store to the conformance suite on a real S3 server: versitygw, built by Go into a temporary directory,
 * started on the loopback address, and ended afterwards. Says so and succeeds where there is no Go, unless its
 * one argument is a versitygw that is there already.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';

const SERVER = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0';
const CREDENTIALS = { accessKeyId: 'test-key-id', secretAccessKey: 'test-secret-access-key' };
const START_DEADLINE_MS = 20_000;
const ROOT = join(import.meta.dirname, '..');

const main = async (): Promise<void> => {
  const given = process.argv[2];
  if (given === undefined && spawnSync('go', ['version']).status !== 0) {
    process.stdout.write('Skipped: there is no Go here to build an S3 server with.\n');
    return;
  }
  const directory = await mkdtemp(join(tmpdir(), 'waybill-s3-'));
  try {
    const program = given ?? (await build(directory));
    process.exitCode = await testAgainst(program, directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};

const build = async (directory: string): Promise<string> => {
  process.stdout.write(`Building ${SERVER}; the first time takes some minutes.\n`);
  const go = spawn('go', ['install', SERVER], {
    env: { ...env, GOBIN: directory },
    stdio: 'inherit',
  });
  const [code] = await once(go, 'exit');
  if (code !== 0) throw new Error('The S3 server could not be built.');
  return join(directory, 'versitygw');
};

const testAgainst = async (program: string, directory: string): Promise<number> => {
  const port = await freePort();
  const root = join(directory, 'root');
  await mkdir(root);
  const { accessKeyId, secretAccessKey } = CREDENTIALS;
  const keys = ['--access', accessKeyId, '--secret', secretAccessKey];
  const server = spawn(program, ['--port', `127.0.0.1:${port}`, ...keys, '--quiet', 'posix', root], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(server, 'exit');
  try {
    await untilListening(port);
    const place = { endpoint: `http://127.0.0.1:${port}`, region: 'us-east-1', ...CREDENTIALS };
    const suite = join(ROOT, 'test/conformance/s3-server.test.ts');
    const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
    const tests = spawn(process.execPath, [vitest, 'run', '--coverage=false', suite], {
      cwd: ROOT,
      stdio: 'inherit',
      env: { ...env, S3_TEST_SERVER: JSON.stringify(place) },
    });
    const [code] = await once(tests, 'exit');
    return code ?? 1;
  } finally {
    server.kill();
    await ended;
  }
};

const freePort = async (): Promise<number> => {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
};

const untilListening = async (port: number): Promise<void> => {
  const deadline = performance.now() + START_DEADLINE_MS;
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await pause(100);
    } finally {
      socket.destroy();
    }
  }
};

await main();
