import { setTimeout as pause } from 'node:timers/promises';
import type { Chance } from './chance.ts';
import type { Gateway } from './gateways.ts';
import type { Ledger } from './ledger.ts';
import type { Account } from './providers.ts';

export interface Deeds {
  kills: number;
  stops: number;
  faults: number;
}

export interface Storm {
  readonly gateways: readonly [Gateway, ...Gateway[]];
  readonly accounts: readonly [Account, ...Account[]];
  readonly chance: Chance;
  readonly ledger: Ledger;
  readonly deeds: Deeds;
  /** Whether gateways are stopped and continued, besides being killed. */
  readonly stops: boolean;
  /** Ends the storm; what was begun is brought to its end. */
  readonly signal: AbortSignal;
}

/** Waits so long, or until the end of the storm. */
const rest = (ms: number, signal: AbortSignal): Promise<unknown> =>
  pause(ms, undefined, { signal }).catch(() => undefined);

/** Longer than a stalled instance keeps its uploads from the other, so that it goes on as one that has lost them. */
const PAST_LEASES_MS = [7_000, 12_000] as const;

/** Kills a gateway every few seconds and starts it again; now and then stops one for some seconds. */
export const plagueGateways = async (storm: Storm): Promise<void> => {
  const { gateways, chance, deeds, ledger, signal } = storm;
  for (;;) {
    await rest(chance.whole(2_000, 6_000), signal);
    if (signal.aborted) return;
    const gateway = chance.pick(gateways);
    if (storm.stops && chance.percent(35)) {
      deeds.stops += 1;
      ledger.note('a gateway is stopped');
      await gateway.stall(chance.percent(40) ? chance.whole(...PAST_LEASES_MS) : chance.whole(1_000, 6_000));
      continue;
    }
    deeds.kills += 1;
    ledger.note('a gateway is killed');
    await gateway.kill();
    await startAgain(gateway, ledger);
  }
};

/** One that cannot start breaks a promise, and is tried again, so that the others can be looked at. */
const startAgain = async (gateway: Gateway, ledger: Ledger): Promise<void> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await gateway.start();
    } catch (error) {
      ledger.violate('start failed', String(error));
      await gateway.kill();
      if (attempt === 3) throw error;
    }
  }
};

/** All of them pass: what a provider refuses for good is another test's. */
const FAULTS = [
  { fault: 'status', on: 'upload', status: 429, retryAfter: 1 },
  { fault: 'status', on: 'upload', status: 500 },
  { fault: 'status', on: 'upload', status: 503 },
  { fault: 'reset-before', on: 'upload' },
  { fault: 'reset-mid', on: 'upload', afterBytes: 500 },
  { fault: 'store-then-reset', on: 'upload' },
  { fault: 'store-then-status', on: 'upload', status: 502 },
  { fault: 'slow-answer', on: 'upload', delayMs: 2_000 },
  { fault: 'status', on: 'list', status: 503 },
  { fault: 'reset-before', on: 'list' },
  { fault: 'status', on: 'delete', status: 503 },
  { fault: 'delete-then-status', on: 'delete', status: 500 },
  { fault: 'reset-before', on: 'delete' },
] as const;

/** Has a provider fail now and then for a few requests. All faults are gone when it resolves. */
export const troubleProviders = async ({
  accounts,
  chance,
  deeds,
  signal,
}: Pick<Storm, 'accounts' | 'chance' | 'deeds' | 'signal'>): Promise<void> => {
  while (!signal.aborted) {
    const { client } = chance.pick(accounts);
    const { fault, ...parameters } = chance.pick(FAULTS);
    await client.fault(fault, { ...parameters, times: chance.whole(1, 4) });
    deeds.faults += 1;
    await rest(chance.whole(300, 2_000), signal);
    if (chance.percent(20)) await client.control('DELETE', '/faults');
  }
  for (const { client } of accounts) await client.control('DELETE', '/faults');
};
