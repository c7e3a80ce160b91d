import type { Provider } from '../core/provider.ts';
import { type AccountUse, accountUse } from '../tracking/accounts.ts';
import type { Dependencies } from './dependencies.ts';

export interface ProviderDescription {
  readonly provider: Provider;
  /** What we hold there; null when nothing. */
  readonly use: AccountUse | null;
}

/** Every provider that is on, with what the record says we hold there. */
export const describeProviders = async ({
  database,
  providers,
}: Dependencies): Promise<readonly ProviderDescription[]> => {
  const use = await accountUse(database);
  return [...providers.values()].map((provider) => ({
    provider,
    use: use.find(({ provider: id, account }) => id === provider.id && account === provider.account) ?? null,
  }));
};
