import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import type { Tokens } from '../admission/tokens.ts';
import { systemCode } from '../core/errors.ts';
import { jobKinds } from '../pipeline/job-kinds.ts';
import type { Config } from '../platform/config.ts';
import { openDatabase } from '../platform/database.ts';
import { settleDatabaseUrl } from '../platform/database-url.ts';
import { lockDirectory } from '../platform/directory-lock.ts';
import { startEmbeddedPostgres } from '../platform/embedded-postgres/embedded-postgres.ts';
import { startJobs } from '../platform/jobs.ts';
import type { Logger } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import { migrate } from '../platform/migrate.ts';
import { StartupError } from '../platform/startup-error.ts';
import { type Closing, createClosing } from './closing.ts';
import { clearAddress, publishAddress } from './gateway-address.ts';
import { installationName } from './installation.ts';
import { openBlobs } from './open-blobs.ts';
import { openHttp } from './open-http.ts';
import { openPipeline } from './open-pipeline.ts';
import { openTokens } from './open-tokens.ts';
import { countSent, tracingOf, watchCalls, watchGateway } from './open-watch.ts';
import { hasNoKey, openProviders } from './providers.ts';
import { reachOrExplain } from './reach-or-explain.ts';
import { signingSecretOf } from './signing-secret.ts';
import { version } from './version.ts';

export interface Gateway {
  /** Where it listens. */
  readonly url: string;
  readonly tokens: Tokens;
  /** True when no provider has a key and emulators stand in. */
  readonly emulated: boolean;
  /** Resolves with the reason when something it cannot do without has ended by itself; the owner should close it. */
  readonly failed: Promise<string>;
  /** Stops accepting, lets running work finish for a while, closes everything. Idempotent. */
  close(): Promise<void>;
}

/** How long a stop waits for requests, and then for deliveries; what is cut short goes on at the next start. */
const STOP_GRACE_MS = 10_000;

/**
 * Builds a whole gateway from its configuration and starts it: the only place that knows every part. Rejects with
 * `StartupError` for what an operator can mend, and leaves nothing running then.
 */
export const startGateway = async (config: Config, log: Logger): Promise<Gateway> => {
  const closing = createClosing(log);
  try {
    return await start(config, log, closing);
  } catch (error) {
    await closing.close();
    throw error;
  }
};

const start = async (config: Config, log: Logger, closing: Closing): Promise<Gateway> => {
  const dataDirectory = resolve(config.DATA_DIR);
  const lock = lockDirectory(dataDirectory);
  closing.add('lock', () => lock.release());
  await clearAddress(dataDirectory);
  const failed = Promise.withResolvers<string>();
  const tracing = await tracingOf(config, log);
  closing.add('tracing', () => tracing.close());
  const metrics = createMetrics({ version, emulated: hasNoKey(config) });
  // Before the database, which would have to be waited for when the bucket is not there.
  const blobs = await openBlobs(config, dataDirectory);
  closing.add('blobs', () => blobs.close());

  const [databaseUrl, opened, secret, installation] = await Promise.all([
    config.DATABASE_URL === undefined
      ? startPostgres(dataDirectory, log, closing, failed.resolve)
      : reachOrExplain(settleDatabaseUrl(config.DATABASE_URL)),
    openProviders(config, { dataDirectory, watchCalls: (id) => watchCalls({ metrics, tracing }, id) }),
    signingSecretOf(config),
    installationName(dataDirectory),
  ]);
  closing.add('providers', () => opened.close());
  const providers = { ...opened, all: countSent(metrics, opened.all) };

  const schema = config.DATABASE_SCHEMA;
  const database = openDatabase({ url: databaseUrl, schema, log });
  closing.add('database', () => database.destroy());
  await reachOrExplain(migrate(database, schema));
  const jobs = await startJobs({
    url: databaseUrl,
    schema: `${schema}_jobs`,
    kinds: jobKinds,
    log,
  });
  closing.add('jobs', () => jobs.stop(STOP_GRACE_MS));

  const stopping = new AbortController();
  const ground = { database, jobs, metrics, tracing, closing, log };
  const parts = { ...ground, blobs, providers, installation, stopping: stopping.signal };
  const pipeline = await openPipeline(config, { ...parts, dataDirectory });
  const tokens = await openTokens(config, { secret, ...ground });
  const watched = await watchGateway(config, { ...ground, providers: providers.all, dataDirectory });
  const server = await openHttp(withDatabase(config, databaseUrl), {
    ...ground,
    ...watched,
    pipeline,
    tokens,
    emulated: providers.emulated,
  });
  closing.add('http', async () => {
    stopping.abort(new Error('The gateway is stopping.'));
    const grace = setTimeout(() => server.server.closeAllConnections(), STOP_GRACE_MS);
    await server.close();
    clearTimeout(grace);
  });
  await listen(() => server.listen({ host: config.HOST, port: config.PORT }), config);
  const url = urlOf(server.server.address() as AddressInfo);
  await publishAddress(dataDirectory, url);
  closing.add('address', () => clearAddress(dataDirectory));
  log.info({ event: 'ready', url, emulated: providers.emulated });
  return { url, tokens, emulated: providers.emulated, failed: failed.promise, close: () => closing.close() };
};

const startPostgres = async (
  dataDirectory: string,
  log: Logger,
  closing: Closing,
  onDeath: (reason: string) => void,
): Promise<string> => {
  const postgres = await startEmbeddedPostgres({ directory: join(dataDirectory, 'postgres'), log });
  closing.add('postgres', () => postgres.stop());
  void postgres.exited.then(() => onDeath('The embedded Postgres has ended.'));
  return postgres.url;
};

const urlOf = ({ address, family, port }: AddressInfo): string => {
  const reachable = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address;
  return `http://${family === 'IPv6' && reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
};

/** With its database by the address that everything connects by. */
const withDatabase = (config: Config, url: string): Config =>
  config.DATABASE_URL === undefined ? config : { ...config, DATABASE_URL: url };

const listen = async (open: () => Promise<string>, { HOST, PORT }: Config): Promise<void> => {
  try {
    await open();
  } catch (error) {
    const code = systemCode(error);
    const problem =
      code === 'EADDRINUSE' ? 'is in use' : `cannot be listened on (${code ?? 'unknown error'})`;
    throw new StartupError(`${HOST}:${PORT} ${problem}; set HOST or PORT to another.`, { cause: error });
  }
};
