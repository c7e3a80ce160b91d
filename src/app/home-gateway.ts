import { ClientError } from '../client/client-error.ts';
import { Waybill, type WaybillOptions } from '../client/index.ts';
import type { Connection } from '../mcp/connection.ts';
import type { Config } from '../platform/config.ts';
import type { Logger } from '../platform/log.ts';
import { StartupError } from '../platform/startup-error.ts';
import type { FoundGateway } from './join-or-start.ts';

/** The way to the gateway of this machine, which runs in this process or in another, and in another tomorrow. */
export interface HomeGateway extends Connection {
  /** Stops what was started here; what other processes still do with it is theirs to take over. */
  close(): Promise<void>;
}

export interface HomeGatewayOptions {
  readonly config: Config;
  /** What a client at the address shows. */
  readonly tokenFor: (url: string) => Promise<WaybillOptions['token']>;
  readonly log: Logger;
}

interface Reached extends FoundGateway {
  readonly waybill: Waybill;
}

/** Loaded while the agent is already answered: it brings the whole gateway along. */
const loadGateway = () => import('./join-or-start.ts');

const GONE: ReadonlySet<string> = new Set(['gateway_unreachable', 'connection_lost']);

/**
 * Joins the gateway that runs on the data directory, or starts it: at once, without waiting for it, and again when it turns
 * out to have gone. A start that failed is tried again with the next call.
 */
export const openHomeGateway = ({ config, tokenFor, log }: HomeGatewayOptions): HomeGateway => {
  const closing = new AbortController();
  let current: Promise<Reached> | null = null;

  const find = async (gone: Reached | null): Promise<Reached> => {
    await gone?.own?.close();
    // Where it was before, running uploads find it again.
    const port = gone === null ? config.PORT : Number(new URL(gone.url).port);
    const { joinOrStart } = await loadGateway();
    const found = await joinOrStart(config, { port, log, signal: closing.signal });
    void found.own?.failed.then(() => found.own?.close());
    log.info({ event: 'gateway_found', url: found.url, own: found.own !== null });
    if (gone?.url === found.url) return { ...found, waybill: gone.waybill };
    await gone?.waybill.close();
    return { ...found, waybill: new Waybill({ url: found.url, token: await tokenFor(found.url) }) };
  };

  const reach = (gone: Reached | null = null): Promise<Reached> => {
    const found = find(gone).catch((error) => {
      if (current === found) current = null;
      log.error({ event: 'gateway_not_found', err: error });
      throw error instanceof StartupError
        ? new ClientError('gateway_unreachable', error.message, { cause: error })
        : error;
    });
    found.catch(() => undefined);
    current = found;
    return found;
  };

  /** The next one, unless it is still there. Several who notice get the same. */
  const after = async (doubted: Reached): Promise<Reached> => {
    const { lookFor } = await loadGateway();
    if ((await lookFor(doubted.url)) !== 'gone') return doubted;
    const before = current;
    const now = await before;
    const isFirst = current === before && (now === null || now === doubted);
    return isFirst ? reach(doubted) : (current ?? reach());
  };

  void reach();
  return {
    use: async (call) => {
      const first = await (current ?? reach());
      try {
        return await call(first.waybill);
      } catch (error) {
        const isGone = error instanceof ClientError && GONE.has(error.code);
        if (!isGone || closing.signal.aborted) throw error;
        const next = await after(first);
        // Refused at the door, it has done nothing yet; and what was given up for another gateway is to begin there.
        if (next === first || (error.code === 'connection_lost' && next.waybill === first.waybill))
          throw error;
        return call(next.waybill);
      }
    },
    doubt: ({ code }) => {
      if (closing.signal.aborted || !GONE.has(code)) return;
      void current?.then(after).catch(() => undefined);
    },
    close: async () => {
      closing.abort(new Error('The companion ends.'));
      const reached = await current?.catch(() => null);
      await reached?.waybill.close();
      await reached?.own?.close();
    },
  };
};
