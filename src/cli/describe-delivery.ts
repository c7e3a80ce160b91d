import type { DeliveryObject } from '../client/answers.ts';
import { cleanText } from './clean-text.ts';

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
  const percent =
    status === 'uploading' && totalBytes > 0 ? ` ${Math.floor((sentBytes / totalBytes) * 100)}%` : '';
  return `${cleanText(provider)} ${cleanText(status)}${percent}`;
};
