import type { AccountReport, ReconcileReport } from '../core/reconcile-report.ts';
import { recordedAccounts } from '../tracking/reconcile.ts';
import { isUnreconciled } from '../tracking/restored.ts';
import type { Dependencies } from './dependencies.ts';
import { blank, reconcileAccount } from './reconcile-account.ts';

export interface Reconcile {
  /** `report` changes nothing, `repair` settles what differs. */
  readonly mode: 'report' | 'repair';
  /** Goes through with what a list says that misses much, as far as the provider confirms it file by file. Default false. */
  readonly isForced?: boolean;
  readonly signal: AbortSignal;
}

/**
 * Holds the record and the providers against each other, each account by itself and all at once. Idempotent, and safe
 * beside deliveries and another run of itself: each step is taken by what the record says at that moment. Rejects when the
 * record fails, or with the signal's reason; what was settled until then is.
 */
export const reconcile = async (
  dependencies: Dependencies,
  { mode, isForced = false, signal }: Reconcile,
): Promise<ReconcileReport> => {
  const { database, providers, log } = dependencies;
  const [recorded, isRestored] = [await recordedAccounts(database), await isUnreconciled(database)];
  const reachable = [...providers.values()].map(async (provider) => {
    const known = recorded.filter((one) => one.provider === provider.id).map(({ account }) => account);
    const accounts = [...new Set([provider.account, ...known])];
    const report = await reconcileAccount(
      { dependencies, provider, mode, isForced, isRestored, signal },
      accounts,
    );
    const { examples, ...counts } = report;
    log[report.state === 'ok' ? 'info' : 'warn']({ event: 'account_reconciled', mode, ...counts });
    return report;
  });
  const unreachable = recorded
    .filter(({ provider, account, held }) => held > 0 && providers.get(provider)?.account !== account)
    .map(
      ({ provider, account, held }): AccountReport => ({
        ...blank({ id: provider, account }),
        state: 'unreachable',
        detail: `No provider is configured with the account that holds ${held} copies.`,
        tracked: held,
      }),
    );
  // None goes on after this has ended.
  const ended = await Promise.allSettled(reachable);
  const compared = ended.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
  return { mode, accounts: [...compared, ...unreachable] };
};
