import { formatBytes, formatSeconds } from '../format/quantities.ts';
import { secondsLeft } from './rate.ts';
import type { UploadItem } from './upload-item.ts';

/** How far it is on its way to the gateway, in words. */
export const uploadWords = (item: UploadItem): string => {
  const { state, sentBytes, sizeBytes, bytesPerSecond } = item;
  const amount = `${formatBytes(sentBytes)} of ${formatBytes(sizeBytes)}`;
  switch (state) {
    case 'waiting':
      return 'Waiting for its turn';
    case 'sending': {
      const left = secondsLeft(sizeBytes - sentBytes, bytesPerSecond);
      const rate = bytesPerSecond === null ? [] : [`${formatBytes(bytesPerSecond)}/s`];
      return [amount, ...rate, ...(left === null ? [] : [`${formatSeconds(Math.max(1, left))} left`])].join(
        ', ',
      );
    }
    case 'paused':
      return `Paused at ${amount}`;
    case 'retrying':
      return `Connection lost at ${amount}; trying again`;
    case 'failed':
      return sentBytes > 0 && item.problem?.status === null ? `Stopped at ${amount}` : 'Not taken';
    case 'lost':
      return `Stopped at ${amount}`;
    case 'done':
      return `Arrived, ${formatBytes(sizeBytes)}`;
    case 'chosen':
      return formatBytes(sizeBytes);
  }
};

/** The whole queue in one sentence, for its head and for screen readers. */
export const queueWords = (items: readonly UploadItem[]): string => {
  const done = items.filter(({ state }) => state === 'done').length;
  const failed = items.filter(({ state }) => state === 'failed' || state === 'lost').length;
  const parts = [`${done} of ${items.length} ${items.length === 1 ? 'file' : 'files'} arrived`];
  if (failed > 0) parts.push(`${failed} ${failed === 1 ? 'needs' : 'need'} you`);
  return parts.join(', ');
};
