import type { Provider } from '../core/provider.ts';
import type { BreakerState } from '../delivery/guard.ts';
import { type AccountUse, useByAccount } from '../tracking/accounts.ts';
import type { Dependencies } from './dependencies.ts';

export interface ProviderDescription {
  readonly provider: Provider;
  /** What we hold there; null when nothing. */
  readonly use: AccountUse | null;
  /** Whether deliveries go there just now: not while it is `open`. */
  readonly breaker: BreakerState;
}

/** Every provider that is on, with what the record says we hold there. */
export const describeProviders = async ({
  database,
  providers,
  guards,
}: Dependencies): Promise<readonly ProviderDescription[]> => {
  const use = await useByAccount(database);
  return [...providers.values()].map((provider) => ({
    provider,
    breaker: guards.of(provider).state,
    use: use.find(({ provider: id, account }) => id === provider.id && account === provider.account) ?? null,
  }));
};
