import type { ProviderObject } from '../../../src/client/browser.ts';
import { formatBytes } from '../../format/quantities.ts';
import type { Fact } from '../../ui/facts.tsx';

const DAY_SECONDS = 86_400;
const HOUR_SECONDS = 3_600;

/** A provider's rules in plain words. */
export const limitFacts = ({ limits, content, emulated, account }: ProviderObject): readonly Fact[] => [
  ['One file', `Up to ${formatBytes(limits.max_file_bytes)}`],
  ['When full', makesRoom(limits) ? 'Copies used least recently make room' : 'No limit is known'],
  ['Kept there', lifetimeOf(limits.lifetime_seconds)],
  [
    'Gives back',
    content === 'extracted-text' ? 'The text it read in the file' : 'Nothing; the original is here',
  ],
  [
    'Account',
    emulated ? 'None: an emulator on this machine stands in' : <code key="account">{account}</code>,
  ],
];

const makesRoom = ({ max_files, max_total_bytes }: ProviderObject['limits']): boolean =>
  max_files !== null || max_total_bytes !== null;

const lifetimeOf = (seconds: number | null): string => {
  if (seconds === null) return 'Until you delete it';
  const days = seconds / DAY_SECONDS;
  const time = days > 2 ? `${Math.round(days)} days` : `${Math.round(seconds / HOUR_SECONDS)} hours`;
  return `${time}; delivered again when it is used later`;
};
