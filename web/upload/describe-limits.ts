import type { ProviderObject } from '../../src/client/browser.ts';
import { formatBytes, formatCount } from '../format/quantities.ts';

const DAY_SECONDS = 86_400;
const SHOWN = 6;

/** What a provider takes for a purpose, and how much of it, in plain words. */
export const describeLimits = ({ limits, used, purposes }: ProviderObject, purpose: string): string => {
  const parts = [`Files up to ${formatBytes(limits.max_file_bytes)}`];
  if (limits.max_files !== null) {
    parts.push(`room for ${formatCount(Math.max(0, limits.max_files - used.files))} more`);
  }
  if (limits.max_total_bytes !== null) {
    parts.push(`${formatBytes(Math.max(0, limits.max_total_bytes - used.bytes))} left`);
  }
  parts.push(keptFor(limits.lifetime_seconds));
  return `${parts.join(', ')}. ${typesOf(purposes[purpose])}`;
};

const keptFor = (seconds: number | null): string => {
  if (seconds === null) return 'kept until deleted';
  const days = Math.round(seconds / DAY_SECONDS);
  return days >= 2 ? `kept for ${days} days` : `kept for ${Math.round(seconds / 3_600)} hours`;
};

const typesOf = (accepted: ProviderObject['purposes'][string] | undefined): string => {
  if (accepted === undefined) return 'Takes nothing for this purpose.';
  const { extensions } = accepted;
  if (extensions === null) return 'Takes any type for this purpose.';
  const more = extensions.length - SHOWN;
  return `Takes ${extensions.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${more} more types` : ''}.`;
};
