import type { DeliveryObject } from '../../src/client/browser.ts';
import type { BadgeTone } from '../ui/badge.tsx';
import { formatShare } from './quantities.ts';

export interface DeliveryWords {
  readonly tone: BadgeTone;
  /** The state in one or two words. */
  readonly word: string;
  /** What it means. */
  readonly text: string;
}

type Status = DeliveryObject['status'];

const WORDS: Readonly<Record<Status, DeliveryWords>> = {
  pending: { tone: 'busy', word: 'Waiting', text: 'It waits for its turn, or for the next try.' },
  uploading: { tone: 'accent', word: 'Sending', text: 'It is being sent.' },
  processing: { tone: 'accent', word: 'Processing', text: 'The provider has it and is not done with it.' },
  completed: { tone: 'good', word: 'Ready', text: 'The provider has it, ready for use.' },
  failed: { tone: 'bad', word: 'Failed', text: 'The provider does not have it.' },
  evicted: {
    tone: 'still',
    word: 'Taken out',
    text: 'It made room for others there, and comes back on use.',
  },
  deleting: { tone: 'busy', word: 'Removing', text: 'It is being removed there.' },
  deleted: { tone: 'still', word: 'Removed', text: 'The provider has removed it.' },
};

/** What a delivery's state says to people; while bytes flow, with how much has gone. */
export const deliveryWords = (
  { status, bytes_sent: sentBytes }: Pick<DeliveryObject, 'status' | 'bytes_sent'>,
  sizeBytes: number,
): DeliveryWords => {
  const words = WORDS[status];
  const isPartly = status === 'uploading' && sentBytes > 0 && sizeBytes > 0;
  return isPartly ? { ...words, word: `Sending ${formatShare(sentBytes / sizeBytes)}` } : words;
};

/** Whether it will go on by itself. */
export const isOnItsWay = ({ status }: Pick<DeliveryObject, 'status'>): boolean =>
  status === 'pending' || status === 'uploading' || status === 'processing' || status === 'deleting';

const HELP: Readonly<Record<string, string>> = {
  provider_rejected: 'It refuses this file for good. Another provider, or another purpose, may take it.',
  provider_unauthorized: 'The operator has to look at the API key or the account there.',
  provider_quota_exceeded: 'The account there is full or out of credit, which the operator has to mend.',
  provider_unavailable: 'It was down or busy for too long. Deliver again once it is back.',
};

/** What to do about a delivery that failed. */
export const deliveryHelp = (code: string): string =>
  HELP[code] ?? 'Deliver it again; if that fails too, tell the operator.';
