import { GatewayError } from '../core/errors.ts';
import type { Queryable } from '../platform/database.ts';
import { isUnreconciled } from '../tracking/restored.ts';

export const UNRECONCILED =
  'This record was restored from a backup; nothing is removed until `waybill reconcile --repair` has completed.';

/**
 * Rejects while nothing may be removed at a provider: a restored record says what was there at the time of its backup, so
 * it is reconciled first.
 */
export const holdRemovals = async (database: Queryable): Promise<void> => {
  if (!(await isUnreconciled(database))) return;
  throw new GatewayError('unavailable', UNRECONCILED);
};
