import type { FileObject } from '../api/file-object.ts';
import { hasEnded } from '../core/file.ts';
import type { ProgressReport } from './progress.ts';
import type { ToolCall } from './tool.ts';
import { describeFile } from './tool-file.ts';

/**
 * From the beginning of a call: clients of the official SDK give a call up after 60 s unless they are told otherwise, and
 * giving up is cancelling.
 */
const ANSWER_WITHIN_MS = 45_000;
/** For deliveries of a file that took so long to come in that its client must be patient. */
const MIN_WAIT_MS = 5_000;

/** The file once its deliveries have ended, or as it is when a client should have its answer. */
export const awaitDeliveries = async (
  file: FileObject,
  { files, signal, progress }: ToolCall,
  startedAtMs: number,
): Promise<FileObject> => {
  const report = (now: FileObject): void => progress.report(deliveryProgress(now));
  report(file);
  if (allHaveEnded(file)) return file;
  const waitMs = Math.max(MIN_WAIT_MS, ANSWER_WITHIN_MS - (performance.now() - startedAtMs));
  const settled = await files.settled(file.id, {
    waitMs,
    signal,
    ...(progress.isWanted ? { onChange: report } : {}),
  });
  signal.throwIfAborted();
  report(settled);
  return settled;
};

/** The file for a model, and what to do when there is more to come. */
export const describeOutcome = (file: FileObject): string =>
  allHaveEnded(file)
    ? describeFile(file)
    : `${describeFile(file)}. Deliveries go on; get_file tells how they end.`;

/** The first half of an upload is the file coming in, the second half its deliveries. */
export const receptionProgress = (
  filename: string,
  sentBytes: number,
  totalBytes: number,
): ProgressReport => ({
  progress: sentBytes,
  total: totalBytes * 2,
  message: `${filename}: ${amount(sentBytes, totalBytes)}`,
});

const deliveryProgress = ({ filename, bytes, deliveries }: FileObject): ProgressReport => {
  const done = deliveries.reduce((sum, delivery) => sum + partDone(delivery, bytes), 0);
  const part = deliveries.length === 0 ? 1 : done / deliveries.length;
  const states = deliveries.map(({ provider, status }) => `${provider}: ${status}`);
  return {
    progress: Math.round(bytes * (1 + part)),
    total: bytes * 2,
    message: states.length === 0 ? `${filename}: kept` : states.join(', '),
  };
};

/** Of a delivery, from 0 to 1: its bytes are most of it, and being taken is not yet being usable. */
const partDone = ({ status, bytes_sent }: FileObject['deliveries'][number], bytes: number): number => {
  if (hasEnded(status)) return 1;
  return status === 'processing' ? 0.9 : 0.8 * Math.min(1, bytes_sent / bytes);
};

const allHaveEnded = ({ deliveries }: FileObject): boolean =>
  deliveries.every(({ status }) => hasEnded(status));

const amount = (sentBytes: number, totalBytes: number): string => {
  const [unit, name] = totalBytes < 2 ** 20 ? [2 ** 10, 'KB'] : [2 ** 20, 'MB'];
  return `${Math.floor(sentBytes / unit)} of ${Math.ceil(totalBytes / unit)} ${name}`;
};
