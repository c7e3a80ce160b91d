import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'pg';
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres/embedded-postgres.ts';
import { JWT_SECRET } from '../../test/support/sign-token.ts';
import { createGateway, type Gateway } from './gateways.ts';
import { startProviders } from './providers.ts';
import { openStore, type StoreKind } from './store.ts';

export interface WorldPlan {
  readonly gateways: number;
  readonly store: StoreKind;
}

export interface Reports {
  /** What the one who runs it should know. */
  readonly print: (line: string) => void;
  /** What a gateway logs. */
  readonly write: (name: string, text: string) => void;
}

/** Never: passes run when they are asked for. */
const NO_CRON = '0 0 29 2 *';
const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** Starts everything that a run needs. `close` leaves nothing of it. */
export const openWorld = async (plan: WorldPlan, { print, write }: Reports) => {
  const home = await mkdtemp(join(tmpdir(), 'waybill-soak-'));
  const closing: (() => Promise<unknown>)[] = [() => rm(home, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const end of closing.reverse()) await end().catch((error: unknown) => print(`Not ended: ${error}`));
  };
  try {
    const postgres = await startEmbeddedPostgres({ directory: join(home, 'postgres'), log: silent });
    closing.push(() => postgres.stop());
    const store = await openStore(plan.store, join(home, 'bucket'));
    closing.push(() => store.close());
    const providers = await startProviders();
    closing.push(() => providers.close());
    const env = {
      ...store.env,
      ...providers.env,
      DATABASE_URL: postgres.url,
      JWT_SECRET_KEY: JWT_SECRET,
      RATE_LIMIT_PER_MINUTE: '0',
      CLEANUP_CRON: NO_CRON,
      RECONCILE_CRON: NO_CRON,
    };
    const make = (nth: number): Promise<Gateway> =>
      createGateway({ name: `gateway-${nth}`, home, env, write });
    const first = await make(1);
    const gateways: readonly [Gateway, ...Gateway[]] = plan.gateways === 1 ? [first] : [first, await make(2)];
    for (const gateway of gateways) closing.push(() => gateway.end());
    const pool = new Pool({ connectionString: postgres.url, max: 2 });
    closing.push(() => pool.end());
    for (const gateway of gateways) await gateway.start();
    return { store, gateways, accounts: providers.accounts, pool, close };
  } catch (error) {
    await close();
    throw error;
  }
};
