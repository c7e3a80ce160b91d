import { setTimeout as pause } from 'node:timers/promises';
import { request } from 'undici';
import { systemCode } from '../core/errors.ts';
import type { Config } from '../platform/config.ts';
import { DirectoryInUseError } from '../platform/directory-lock.ts';
import type { Logger } from '../platform/log.ts';
import { StartupError } from '../platform/startup-error.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { readAddress } from './gateway-address.ts';

/** The gateway of a data directory. */
export interface FoundGateway {
  readonly url: string;
  /** Set when it was started here, by whom it is to be closed; null when another process runs it. */
  readonly own: Gateway | null;
}

/** A start after kill -9 first stops the Postgres that was left; a stop lets work finish. Neither takes longer. */
const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 100;
const ANSWER_MS = 3_000;

/**
 * Starts the gateway of the configured data directory, on loopback and on `port` if that is free; where another process has
 * the directory, waits until that one answers, or has gone. Of several who do this at once, the lock on the directory makes
 * one the owner, and the others join it. Rejects with `StartupError`, or with the signal's reason.
 */
export const joinOrStart = async (
  config: Config,
  { port, log, signal }: { port: number; log: Logger; signal: AbortSignal },
): Promise<FoundGateway> => {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    signal.throwIfAborted();
    try {
      const own = await startOnLoopback(config, port, log);
      return { url: own.url, own };
    } catch (error) {
      if (!(error instanceof DirectoryInUseError)) throw error;
      const url = await readAddress(config.DATA_DIR);
      if (url !== null && (await lookFor(url)) === 'there') return { url, own: null };
      if (performance.now() > deadline) throw noAnswer(error);
    }
    await pause(LOOK_EVERY_MS, undefined, { signal });
  }
};

/** Whether a gateway listens there. One that is too busy to answer is `silent`, and has not gone. */
export const lookFor = async (url: string): Promise<'there' | 'silent' | 'gone'> => {
  try {
    const { statusCode, body } = await request(`${url}/livez`, {
      reset: true,
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    await body.dump();
    return statusCode === 200 ? 'there' : 'gone';
  } catch (error) {
    return systemCode(error) === 'ECONNREFUSED' ? 'gone' : 'silent';
  }
};

const startOnLoopback = async (config: Config, port: number, log: Logger): Promise<Gateway> => {
  const here = { ...config, HOST: '127.0.0.1' };
  try {
    return await startGateway({ ...here, PORT: port }, log);
  } catch (error) {
    if (systemCode(error) !== 'EADDRINUSE') throw error;
    return startGateway({ ...here, PORT: 0 }, log);
  }
};

const noAnswer = (cause: DirectoryInUseError): StartupError =>
  new StartupError(`${cause.message} It has not answered for ${PATIENCE_MS / 1_000} s.`, { cause });
