import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { StartupError } from '../startup-error.ts';
import { copyBinaries } from './copy-binaries.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import { restoreLibraryLinks } from './restore-library-links.ts';
import type { ServerAccount } from './server-account.ts';
import { SERVER_ENVIRONMENT } from './spawn-on-cluster.ts';

export interface RunnableBinaries extends PostgresBinaries {
  /** Such as `18`; a cluster can be served only by the major version that made it. */
  majorVersion: string;
}

type Probe = { majorVersion: string } | { failure: string; code: string | undefined };

const run = promisify(execFile);

/**
 * Makes sure the programs run, by running one: as `account` if there is one. Links among their libraries that were not
 * made at installation are made here. A checkout below a closed directory such as /root is not reachable for that user;
 * then a copy is used that is.
 *
 * @throws {StartupError} if they do not run.
 */
export async function runnableBinaries(
  binaries: PostgresBinaries,
  account: ServerAccount | undefined,
): Promise<RunnableBinaries> {
  let outcome = await probe(binaries, account);
  if ('majorVersion' in outcome) return { ...binaries, ...outcome };
  // What setuid answers to a root that lacks the capability or the user; nothing done to the files would help.
  if (account !== undefined && (outcome.code === 'EPERM' || outcome.code === 'EINVAL')) {
    throw cannotSwitchUser(account, outcome.failure);
  }
  await restoreLibraryLinks(binaries).catch(() => undefined);
  outcome = await probe(binaries, account);
  if ('majorVersion' in outcome) return { ...binaries, ...outcome };
  if (account === undefined) throw cannotRun(binaries, outcome.failure);
  return runnableCopy(binaries, account);
}

async function runnableCopy(binaries: PostgresBinaries, account: ServerAccount): Promise<RunnableBinaries> {
  const copy = await copyBinaries(
    binaries,
    async (candidate) => 'majorVersion' in (await probe(candidate, account)),
  );
  const outcome = await probe(copy, account);
  if ('majorVersion' in outcome) return { ...copy, ...outcome };
  throw cannotRun(copy, outcome.failure);
}

async function probe({ postgres }: PostgresBinaries, account: ServerAccount | undefined): Promise<Probe> {
  try {
    const { stdout } = await run(postgres, ['--version'], { ...account, cwd: '/', env: SERVER_ENVIRONMENT });
    const majorVersion = /\d+/.exec(stdout)?.[0];
    if (majorVersion !== undefined) return { majorVersion };
    return { failure: `unexpected version ${stdout.trim()}`, code: undefined };
  } catch (error) {
    return describeFailure(error);
  }
}

function describeFailure(error: unknown): Probe {
  if (!(error instanceof Error)) return { failure: String(error), code: undefined };
  const stderr = 'stderr' in error && typeof error.stderr === 'string' ? error.stderr.trim() : '';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return { failure: stderr === '' ? error.message : stderr, code };
}

function cannotRun({ postgres }: PostgresBinaries, failure: string): StartupError {
  return new StartupError(
    `The embedded Postgres (${postgres}) does not run here (${failure}): reinstall it with its install scripts allowed, or set DATABASE_URL.`,
  );
}

function cannotSwitchUser({ uid }: ServerAccount, failure: string): StartupError {
  return new StartupError(
    `The embedded Postgres cannot run as root, and this root may not start it as user ${uid} (${failure}): run Waybill as a normal user, or set DATABASE_URL.`,
  );
}
