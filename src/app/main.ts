/** The program. The only place that reads the process's environment. */
import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { runCli } from '../cli/run-cli.ts';
import { createLocal } from './local.ts';

const DOT_ENV = '.env';
const fromFile = existsSync(DOT_ENV) ? parseEnv(readFileSync(DOT_ENV, 'utf8')) : {};
const env = { ...fromFile, ...process.env };

const interruption = new AbortController();
process.once('SIGINT', () => {
  interruption.abort(new Error('Interrupted.'));
  // A second Ctrl-C does not wait.
  process.once('SIGINT', () => process.exit(130));
});
// A reader that goes away, as `head` does, is no fault.
process.stdout.on('error', () => process.exit(0));

process.exitCode = await runCli(
  process.argv.slice(2),
  {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    isTerminal: process.stderr.isTTY === true,
    isOutputTerminal: process.stdout.isTTY === true,
    env,
    interrupted: interruption.signal,
  },
  createLocal(env),
);
