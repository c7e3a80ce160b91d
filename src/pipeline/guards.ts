import type { Provider, ProviderId } from '../core/provider.ts';
import { createGuard, type Guard, type GuardOptions } from '../delivery/guard.ts';

/** One guard for each account at each provider, shared by all deliveries of this process. */
export interface Guards {
  of(provider: Provider): Guard;
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
  return {
    of: guardOf,
    inTrouble: (providers) =>
      new Map(
        [...providers]
          .filter((provider) => guardOf(provider).state === 'open')
          .map(({ id }) => [id, `${id} is in trouble just now.`]),
      ),
  };
};
