import type { FileProgress } from '../api/event-object.ts';
import type { DeliveryObject } from '../api/file-object.ts';
import { cleanText } from './clean-text.ts';
import { formatBytes } from './format-quantity.ts';

/** The state of a copy in words, without the provider's name, on one line. */
export const describeDelivery = (delivery: DeliveryObject): string => {
  const { status, attempts, error, provider_file_id: remoteId } = delivery;
  const why = error === null ? '' : `: ${cleanText(error.message)}`;
  switch (status) {
    case 'pending':
      return error === null ? 'waiting' : `tries again after attempt ${attempts}${why}`;
    case 'completed':
      return remoteId === null ? status : `${status} as ${cleanText(remoteId)}`;
    case 'failed':
      return `${status}${why}`;
    default:
      return cleanText(status);
  }
};

/** The same for a moving line: short, and with how far it is while it is sent. */
export const describeMovingDelivery = (
  { provider, status, bytes_sent: sentBytes }: DeliveryObject,
  totalBytes: number,
): string => {
  const percent = status === 'uploading' ? ` ${percentOf(sentBytes, totalBytes)}` : '';
  return `${cleanText(provider)} ${cleanText(status)}${percent}`;
};

/** What has gone on to a provider of a file that is still being sent to the gateway. */
export const describeForwarding = (
  { provider, bytes_sent: sentBytes }: FileProgress['deliveries'][number],
  totalBytes: number | null,
): string =>
  `${cleanText(provider)} ${totalBytes === null ? formatBytes(sentBytes) : percentOf(sentBytes, totalBytes)}`;

const percentOf = (sentBytes: number, totalBytes: number): string =>
  `${Math.floor((totalBytes === 0 ? 1 : sentBytes / totalBytes) * 100)}%`;
