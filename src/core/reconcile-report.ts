import type { ProviderId } from './provider.ts';

/** What a comparison of the record with the providers found. Plain data that JSON keeps: it is stored with its pass. */
export interface ReconcileReport {
  /** `report` changed nothing: what it counts as done is what `repair` would have done. */
  readonly mode: 'report' | 'repair';
  /** One for each account that a provider is configured with or the record names. */
  readonly accounts: readonly AccountReport[];
}

/**
 * `ok`: compared to the end. `list_failed`: the provider's list could not be read to its end, so nothing was done.
 * `suspicious`: so many copies are missing from the list that it is not believed, so nothing was done. `unreachable`: the
 * record has copies there, but no provider is configured with this account.
 */
type AccountState = 'ok' | 'list_failed' | 'suspicious' | 'unreachable';

export interface AccountReport {
  readonly provider: ProviderId;
  /** The fingerprint of the account (see `Provider.account`). */
  readonly account: string;
  readonly state: AccountState;
  /** Why the state is not `ok`; null when it is. */
  readonly detail: string | null;
  /** Files that the provider's list shows. */
  readonly listed: number;
  /** Copies that the record says are there. One that serves several files counts once. */
  readonly tracked: number;
  /** Files in the list that the record names. */
  readonly matched: number;
  /** Copies in the record that the provider does not have any more. */
  readonly ghosts: {
    /** Sent again, since the file is wanted. */
    readonly redelivered: number;
    /** Recorded as gone; delivered again on use. */
    readonly marked: number;
    /** Not confirmed as gone, changed meanwhile, or more than one pass takes on. */
    readonly left: number;
  };
  /** Files in the list that a delivery of the record has sent, and no record names. */
  readonly orphans: {
    /** Taken by the delivery that sent them and had no copy. */
    readonly adopted: number;
    readonly removed: number;
    /** The delivery is under way and sees to them itself, the provider refused, or more than one pass takes on. */
    readonly left: number;
  };
  /** Files in the list that nothing in the record has sent. They are never touched. */
  readonly foreign: number;
  /**
   * Of the foreign ones, those whose name has a mark such as Waybill's: another installation's, or of deliveries that a
   * restored record does not know any more.
   */
  readonly foreignMarked: number;
  /** Files in the list whose size is not the record's, or that the record places in another account. Nothing is done. */
  readonly mismatched: number;
  /** Some of what was found, to look at; at most `EXAMPLES_AT_MOST` of each kind. */
  readonly examples: readonly ReconcileExample[];
}

export interface ReconcileExample {
  readonly kind: 'ghost' | 'orphan' | 'foreign' | 'mismatched';
  /** The provider's id of the file, cleaned and cut. */
  readonly remoteId: string;
  /** The file in the record; null for foreign ones. */
  readonly fileId: string | null;
}

/** How many examples of a kind a report carries for each account. */
export const EXAMPLES_AT_MOST = 10;

/** Whether a list was not believed, so that somebody should look before the next repair. */
export const isSuspicious = ({ accounts }: ReconcileReport): boolean =>
  accounts.some(({ state }) => state === 'suspicious');

/** Whether every account that can be reached was compared to the end. */
export const isConclusive = ({ accounts }: ReconcileReport): boolean =>
  accounts.every(({ state }) => state === 'ok' || state === 'unreachable');
