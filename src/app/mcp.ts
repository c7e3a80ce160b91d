import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import { openPathPolicy } from '../admission/path-policy.ts';
import { chooseGateway } from '../cli/choose-gateway.ts';
import type { Io } from '../cli/io.ts';
import type { Local } from '../cli/local.ts';
import { resumeDirectoryOf } from '../cli/resume-directory.ts';
import { ClientError, createResumeDirectory, Waybill } from '../client/index.ts';
import { GatewayError, systemCode } from '../core/errors.ts';
import type { Around } from '../mcp/around.ts';
import { createClientFiles } from '../mcp/client-files.ts';
import { type Connection, connectTo } from '../mcp/connection.ts';
import { createLineFilter } from '../mcp/json-lines.ts';
import { createMcpServer } from '../mcp/server.ts';
import { type Config, loadConfig } from '../platform/config.ts';
import { createLogger, type Logger } from '../platform/log.ts';
import { StartupError } from '../platform/startup-error.ts';
import { openHomeGateway } from './home-gateway.ts';
import { version } from './version.ts';

interface Asked {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
}

/** No argument of a tool is longer than a path, but lists of them and what a client adds may come to something. */
const MAX_MESSAGE_BYTES = 4 * 2 ** 20;
/** A stop that hangs is ended after this; what it left is taken up at the next start. */
const STOP_DEADLINE_MS = 30_000;
/** What is still on its way to nobody does not keep the process after it has stopped. */
const LINGER_MS = 1_000;

/**
 * Speaks MCP on standard input and output, which carries nothing else, until the input ends or the process is told to
 * stop. Answers with the exit code; rejects as `Local.mcp`.
 */
export const serveMcp = async (io: Io, asked: Asked, local: Local): Promise<number> => {
  const isRemote = asked.url !== undefined || Boolean(io.env.WAYBILL_URL);
  const config = isRemote ? remoteConfig(io.env) : await local.config();
  const log = createLogger(io.env.LOG_LEVEL ? config.LOG_LEVEL : 'warn');
  const resumeDirectory = resumeDirectoryOf(io.env);
  const own = isRemote ? resumeDirectory : resolve(config.DATA_DIR);
  await makeDirectory(own);
  const paths = await openPathPolicy({
    allowed: config.ALLOWED_PATHS ?? [],
    mappings: config.DRIVE_MAPPINGS ?? [],
    dataDirectory: own,
    check: 'portable',
  });
  const ending = listenForEnd(io);
  const { connection, close } = await open(io, asked, { isRemote, config, local, log });
  const files = createClientFiles({
    connection,
    paths,
    allowedPaths: config.ALLOWED_PATHS ?? [],
    resume: createResumeDirectory(resumeDirectory),
    ending,
  });
  const handle = serveStdio(() => createMcpServer({ files, version, disk: 'local', around: logged(log) }), {
    transport: new StdioServerTransport(messagesFrom(io), io.stdout),
    onerror: (error) => log.warn({ event: 'mcp_error', err: error }),
  });
  await aborted(ending);
  const deadline = setTimeout(() => process.exit(1), STOP_DEADLINE_MS);
  await Promise.all([handle.close(), close()]);
  clearTimeout(deadline);
  io.stdin.destroy();
  setTimeout(() => process.exit(0), LINGER_MS).unref();
  return 0;
};

/** What the companion of a gateway elsewhere needs; the rest of the environment is no business of its. */
const remoteConfig = ({ ALLOWED_PATHS, DRIVE_MAPPINGS, LOG_LEVEL }: Io['env']): Config =>
  loadConfig({ ALLOWED_PATHS, DRIVE_MAPPINGS, LOG_LEVEL });

/** Whoever asks here may do everything, and is told little of what nobody expected; the rest is for the log. */
const logged =
  (log: Logger): Around =>
  async ({ signal }, run) => {
    try {
      return await run(signal);
    } catch (error) {
      const isExpected = error instanceof ClientError || error instanceof GatewayError || signal.aborted;
      if (!isExpected) log.error({ event: 'call_failed', err: error });
      throw error;
    }
  };

interface Opened {
  readonly connection: Connection;
  close(): Promise<void>;
}

const open = async (
  io: Io,
  asked: Asked,
  { isRemote, config, local, log }: { isRemote: boolean; config: Config; local: Local; log: Logger },
): Promise<Opened> => {
  if (isRemote) {
    const waybill = new Waybill(await chooseGateway(asked, io.env, local));
    return { connection: connectTo(waybill), close: () => waybill.close() };
  }
  const tokenFor = async (url: string) => {
    const { token } = await chooseGateway(asked, io.env, { ...local, runningUrl: async () => url });
    return token;
  };
  const connection = openHomeGateway({ config, tokenFor, log });
  return { connection, close: () => connection.close() };
};

/** Answers what is no message, and passes the rest on. */
const messagesFrom = (io: Io): ReturnType<typeof createLineFilter> =>
  io.stdin.pipe(
    createLineFilter({
      maxBytes: MAX_MESSAGE_BYTES,
      onBadLine: ({ id, code, message }) =>
        io.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } })}\n`),
    }),
  );

/** Aborts when nobody is there any more, before anything else hears of it. */
const listenForEnd = (io: Io): AbortSignal => {
  const ending = new AbortController();
  const end = (): void => ending.abort(new Error('The companion ends.'));
  for (const event of ['end', 'close', 'error']) io.stdin.once(event, end);
  io.interrupted.addEventListener('abort', end, { once: true });
  process.once('SIGTERM', end);
  if (io.interrupted.aborted) end();
  return ending.signal;
};

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

const makeDirectory = async (path: string): Promise<void> => {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const reason = systemCode(error) ?? 'unknown error';
    throw new StartupError(
      `${path} cannot be used (${reason}); set DATA_DIR to a directory that you may write to, by its absolute path.`,
      { cause: error },
    );
  }
};
