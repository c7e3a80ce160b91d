import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { scopes } from '../admission/tokens.ts';
import type { Io } from '../cli/io.ts';
import type { Config } from '../platform/config.ts';
import { createLogger } from '../platform/log.ts';
import { openPrettyLog } from '../platform/pretty-log.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { LOCAL_SUBJECT } from './local.ts';
import { isSignedElsewhere } from './signing-secret.ts';
import { version } from './version.ts';

const TOKEN_TTL_MS = 30 * 86_400_000;
/** A stop that hangs is ended after this; what it left is taken up at the next start. */
const STOP_DEADLINE_MS = 30_000;

/** Runs the gateway until it is interrupted, terminated, or loses something it cannot do without. Answers with the exit code. */
export const serve = async (config: Config, io: Io, { isJson }: { isJson: boolean }): Promise<number> => {
  const log = createLogger(config.LOG_LEVEL, io.isTerminal ? await readable(io) : undefined);
  const stopped = new AbortController();
  // Listened for from the beginning: what comes during the start is obeyed after it, and nothing is left running.
  const told = Promise.race([
    once(process, 'SIGTERM', { signal: stopped.signal }).then(() => 'SIGTERM'),
    once(io.interrupted, 'abort', { signal: stopped.signal }).then(() => 'interrupted'),
  ]);
  told.catch(() => undefined);
  const gateway = await startGateway(config, log);
  const welcome = await welcomeTo(config, gateway);
  io.stdout.write(isJson ? `${JSON.stringify(welcome)}\n` : banner(config, welcome));
  const reason = await Promise.race([
    gateway.failed.then((why) => ({ why, exitCode: 1 })),
    told.then((why) => ({ why, exitCode: 0 })),
  ]);
  stopped.abort();
  log.info({ event: 'stopping', why: reason.why });
  const deadline = setTimeout(() => process.exit(1), STOP_DEADLINE_MS);
  await gateway.close();
  clearTimeout(deadline);
  return reason.exitCode;
};

/** For the person at the terminal. */
const readable = ({ env }: Io) => openPrettyLog({ hasColours: !env.NO_COLOR && env.TERM !== 'dumb' });

interface Welcome {
  readonly version: string;
  readonly url: string;
  /** Null when the operator has a secret or an identity provider of their own, whose tokens are not for printing. */
  readonly token: string | null;
  readonly emulated: boolean;
}

const welcomeTo = async (config: Config, { url, tokens, emulated }: Gateway): Promise<Welcome> => {
  const sign = config.JWT_SECRET_KEY === undefined ? tokens.sign : null;
  // The person in front of it sees everything; one who has set a secret decides for themselves.
  const token = (await sign?.({ sub: LOCAL_SUBJECT, scopes, ttlMs: TOKEN_TTL_MS })) ?? null;
  return { version, url: config.PUBLIC_URL ?? url, token, emulated };
};

const banner = (config: Config, { url, token, emulated }: Welcome): string => {
  // Browsers do not send what is behind the `#`, and the console takes it out of the address.
  const signingIn = token === null ? '' : `#token=${token}`;
  const lines = [
    `Waybill ${version} is ready.`,
    '',
    `  Console  ${url}/${signingIn}`,
    `  API      ${url}/docs`,
  ];
  lines.push(`  Token    ${token ?? howToGetOne(config)}`);
  if (config.DATABASE_URL === undefined) {
    lines.push(`  Tables   psql "$(cat '${join(config.DATA_DIR, 'postgres', 'postgres-url')}')"`);
  }
  if (emulated)
    lines.push(
      '',
      'No provider has an API key, so Kimi and GLM are emulated here; nothing leaves this machine.',
    );
  lines.push('', 'Upload a file:', `  ${uploadLine(url, token ?? '$TOKEN')}`, '');
  return `${lines.join('\n')}\n`;
};

const howToGetOne = (config: Config): string =>
  isSignedElsewhere(config)
    ? `get one from the identity provider whose keys are at ${config.JWT_JWKS_URL}`
    : 'make one with: npx waybill token create --sub NAME';

/** One line that works when pasted: it sends a file that is there, under a name that every provider takes. */
const uploadLine = (address: string, token: string): string => {
  const readme = join(import.meta.dirname, '../../README.md');
  const path = existsSync(readme) ? relative(process.cwd(), readme) : 'report.txt';
  return `curl -H 'Authorization: Bearer ${token}' -F 'file=@${path};filename=hello.txt' '${address}/v1/files?provider=kimi,glm'`;
};
