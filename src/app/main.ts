/** The program. The only place that reads the process's environment. */
import { runCli } from '../cli/run-cli.ts';
import { StartupError } from '../platform/startup-error.ts';
import { readDotEnv } from './dot-env.ts';
import { createLocal } from './local.ts';

/**
 * An agent's program runs in whatever project the agent works on: that one's `.env` is not ours, and must not say where
 * files go and which may be read.
 */
const isAgents = process.argv[2] === 'mcp';

const readEnvironment = (): Readonly<Record<string, string | undefined>> => {
  if (isAgents) return process.env;
  try {
    return { ...readDotEnv('.env'), ...process.env };
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(error.exitCode);
  }
};

const env = readEnvironment();
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
