import type { ProviderObject } from '../../src/client/browser.ts';

export interface ProviderHealth {
  readonly tone: 'good' | 'busy' | 'bad';
  readonly word: string;
  /** What it means for files. */
  readonly text: string;
}

const HEALTH: Readonly<Record<ProviderObject['breaker'], ProviderHealth>> = {
  closed: { tone: 'good', word: 'Available', text: 'Files are delivered as they come.' },
  open: {
    tone: 'bad',
    word: 'Paused',
    text: 'It failed several times in a row. Deliveries wait and are tried again by themselves.',
  },
  half_open: {
    tone: 'busy',
    word: 'Trying again',
    text: 'It failed several times in a row, and is now being tried with one delivery.',
  },
};

/** Whether a provider takes files now, in words. */
export const healthOf = ({ breaker }: Pick<ProviderObject, 'breaker'>): ProviderHealth => HEALTH[breaker];

/** The most files that can be set: a provider that has no limit of its own is given this one. */
const COUNTLESS = 1_000_000_000;

/** How many files the account may hold; null: any number. */
export const fileLimitOf = ({ limits }: Pick<ProviderObject, 'limits'>): number | null =>
  limits.max_files === null || limits.max_files >= COUNTLESS ? null : limits.max_files;

/** The fuller of its two limits, from 0 to 1; null where it has none. */
export const fullnessOf = ({ used, limits }: Pick<ProviderObject, 'used' | 'limits'>): number | null => {
  const shares = [
    limits.max_files === null ? null : used.files / limits.max_files,
    limits.max_total_bytes === null ? null : used.bytes / limits.max_total_bytes,
  ].filter((share) => share !== null);
  return shares.length === 0 ? null : Math.max(...shares);
};
