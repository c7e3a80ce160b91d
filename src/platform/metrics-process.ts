import { statfs } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** How many connections of a pool are used and idle, and how many callers wait for one. */
export interface PoolUse {
  readonly used: number;
  readonly idle: number;
  readonly waiting: number;
}

let ofProcess: Registry | null = null;

/**
 * The metrics of the process and of Node, which all gateways in it have together: what observes them cannot be stopped, so
 * there is one of it, made when it is first asked for.
 */
export const processMetrics = (): Registry => {
  if (ofProcess !== null) return ofProcess;
  ofProcess = new Registry();
  collectDefaultMetrics({ register: ofProcess });
  return ofProcess;
};

/** How late the event loop is. To be ended with `stop`. */
export interface EventLoopWatch {
  /** The 99th percentile since it was last asked, in seconds. */
  lagSeconds(): number;
  stop(): void;
}

const RESOLUTION_MS = 10;

export const watchEventLoop = (): EventLoopWatch => {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return {
    lagSeconds: () => {
      // What it measures has the wait of its own timer in it.
      const lag = Math.max(0, histogram.percentile(99) / 1e9 - RESOLUTION_MS / 1_000);
      histogram.reset();
      return Number.isFinite(lag) ? lag : 0;
    },
    stop: () => void histogram.disable(),
  };
};

/** Shows the disk that `directory` is on. */
export const showDisk = (registry: Registry, directory: string): void => {
  const size: Gauge = new Gauge({
    name: 'waybill_storage_size_bytes',
    help: 'Size of the disk of DATA_DIR',
    registers: [registry],
    collect: async () => {
      size.set((await spaceOf(directory)).sizeBytes);
    },
  });
  const free: Gauge = new Gauge({
    name: 'waybill_storage_free_bytes',
    help: 'Free on the disk of DATA_DIR',
    registers: [registry],
    collect: async () => {
      free.set((await spaceOf(directory)).freeBytes);
    },
  });
};

/** Free for us and altogether, on the disk that a directory is on. */
export const spaceOf = async (
  directory: string,
): Promise<{ readonly sizeBytes: number; readonly freeBytes: number }> => {
  const { blocks, bavail, bsize } = await statfs(directory);
  return { sizeBytes: blocks * bsize, freeBytes: bavail * bsize };
};

/** Shows the pool of database connections. */
export const showPool = (registry: Registry, read: () => PoolUse): void => {
  const connections = new Gauge({
    name: 'waybill_database_pool_connections',
    help: 'Connections to the database, and callers that wait for one',
    labelNames: ['state'],
    registers: [registry],
    collect: () => {
      for (const [state, count] of Object.entries(read())) connections.set({ state }, count);
    },
  });
};
