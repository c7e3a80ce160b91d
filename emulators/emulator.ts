import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { sendAnswer } from './answer.ts';
import { CONTROL_PATH, serveControl } from './control-plane.ts';
import type { Dialect } from './dialect.ts';
import { createFaultQueue } from './faults.ts';
import { openFileShelf } from './file-shelf.ts';
import { createRequestLog, type RequestLog, recordOf } from './request-log.ts';
import { type Provider, serveCall } from './serve-call.ts';

/** How to start any emulator. */
export interface EmulatorOptions {
  /** Files and their index live in a folder of the emulator's name in here, and are there again after a restart. */
  readonly directory: string;
  /** The one key the emulated API takes. */
  readonly apiKey: string;
  /** Loopback only, because the control plane asks for no key. */
  readonly host?: '127.0.0.1';
  /** 0, the default, takes any free port. */
  readonly port?: number;
  /** A limit given here replaces every documented one of its kind, a purpose's own included. */
  readonly limits?: Partial<EmulatorLimits>;
}

export interface EmulatorLimits {
  readonly maxFileBytes: number;
  readonly maxFiles: number;
  readonly maxTotalBytes: number;
}

/** A running emulator, a real HTTP server on loopback. */
export interface Emulator {
  readonly name: string;
  /** The provider's base URL, to be used in place of the real one. */
  readonly url: string;
  readonly controlUrl: string;
  /** Ends open connections too; what was stored stays in the directory. */
  close(): Promise<void>;
}

/** Starts a server that speaks `dialect`. Rejects when the port is taken or the directory cannot be used. */
export const startEmulator = async (dialect: Dialect, options: EmulatorOptions): Promise<Emulator> => {
  const { directory, host = '127.0.0.1', port = 0 } = options;
  const shelf = await openFileShelf(join(directory, dialect.name));
  const provider: Provider = { dialect, shelf, queue: createFaultQueue() };
  const running = new Set<Promise<void>>();
  const server = createServer({
    // A large upload over a slow line takes as long as it takes.
    requestTimeout: 0,
    // Long, so that a client does not meet a close on a connection it was about to use again.
    keepAliveTimeout: 60_000,
    noDelay: true,
  });
  const log = createRequestLog();
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const handling = answer(provider, log, { request, response }).finally(() => running.delete(handling));
    running.add(handling);
  };
  server.on('request', handle);
  // Whether to ask for the body is decided by what becomes of the request.
  server.on('checkContinue', handle);
  const origin = await listen(server, { host, port }).catch(async (error: unknown) => {
    await shelf.close();
    throw error;
  });
  return {
    name: dialect.name,
    url: `${origin}${dialect.basePath}`,
    controlUrl: `${origin}${CONTROL_PATH}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await Promise.all(running);
      await shelf.close();
    },
  };
};

// Only to read request targets, which are relative; never contacted.
const ORIGIN = 'http://emulator.invalid';

const answer = async (
  provider: Provider,
  log: RequestLog,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
): Promise<void> => {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  // A socket error is the client leaving; whoever waits for the client hears of it through `signal`.
  response.on('error', () => gone.abort());
  const url = URL.parse(request.url ?? '', ORIGIN) ?? new URL(ORIGIN);
  const isControl = url.pathname.startsWith(`${CONTROL_PATH}/`);
  const record = recordOf(request);
  if (!isControl) log.add(record);
  const exchange = { request, response, record, signal: gone.signal };
  try {
    await (isControl ? serveControl(provider, log, { exchange, url }) : serveCall(provider, exchange, url));
  } catch {
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    // Such as a full disk: ours to the client as an internal error of the provider's would be.
    const call = { request, url, id: null };
    await sendAnswer(exchange, provider.dialect.failure(call, 500, null)).catch(() => response.destroy());
  }
};

const listen = (server: Server, address: { host: string; port: number }): Promise<string> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.off('error', reject);
      const bound = server.address();
      const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
      resolve(`http://${address.host}:${port}`);
    });
  });
