import type { Provider, ProviderId } from '../core/provider.ts';
import { createGuard, type Guard, type GuardOptions } from '../delivery/guard.ts';
import { createSlots, type Slots } from '../delivery/slots.ts';

/** One guard and one set of slots for each account at each provider, shared by all deliveries of this process. */
export interface Guards {
  of(provider: Provider): Guard;
  /** The uploads that may run at once to it from this process. */
  slotsOf(provider: Provider): Slots;
  /** The providers whose breaker is open, each with a sentence for the user. */
  inTrouble(providers: Iterable<Provider>): ReadonlyMap<ProviderId, string>;
}

export const createGuards = (options: GuardOptions = {}): Guards => {
  const guards = new Map<string, Guard>();
  const guardOf = ({ id, account }: Provider): Guard => {
    const key = `${id}/${account}`;
    const guard = guards.get(key) ?? createGuard(id, undefined, options);
    guards.set(key, guard);
    return guard;
  };
  const slots = new Map<string, Slots>();
  const slotsOf = ({ id, account, capabilities }: Provider): Slots => {
    const key = `${id}/${account}`;
    const own = slots.get(key) ?? createSlots(capabilities.concurrency);
    slots.set(key, own);
    return own;
  };
  return {
    slotsOf,
    of: guardOf,
    inTrouble: (providers) =>
      new Map(
        [...providers]
          .filter((provider) => guardOf(provider).state === 'open')
          .map(({ id }) => [id, `${id} is in trouble just now.`]),
      ),
  };
};
