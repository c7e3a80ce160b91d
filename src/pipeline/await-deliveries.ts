import { type FileWithDeliveries, hasEnded } from '../core/file.ts';
import type { Dependencies } from './dependencies.ts';
import type { Received } from './reception.ts';
import { type Wait, watchFile } from './watch-file.ts';

/** The file once all its deliveries have ended, or as it is when the wait is over. Null when it is not there. */
export const awaitDeliveries = (
  dependencies: Dependencies,
  { owner, fileId: id }: { owner: string; fileId: string },
  wait: Wait,
): Promise<FileWithDeliveries | null> =>
  watchFile(dependencies, id, wait, async () => {
    const value = await dependencies.commits.find({ owner, id });
    return { value, isDone: value === null || haveAllEnded(value) };
  });

/** The same for a file that has just come in, whose deliveries this process may be carrying out itself. */
export const awaitReceived = async (
  dependencies: Dependencies,
  received: Received,
  { waitMs, signal }: Wait,
): Promise<FileWithDeliveries | null> => {
  if (haveAllEnded(received)) return received;
  const begunAt = performance.now();
  const { owner, id: fileId } = received.file;
  const leaving = [dependencies.stopping, ...(signal === undefined ? [] : [signal])];
  const ended = await within(received.delivered, waitMs, leaving);
  const leftMs = Math.max(0, waitMs - (performance.now() - begunAt));
  return ended ?? (await awaitDeliveries(dependencies, { owner, fileId }, { waitMs: leftMs, signal }));
};

const haveAllEnded = ({ deliveries }: FileWithDeliveries): boolean =>
  deliveries.every(({ status }) => hasEnded(status));

/** What the work comes to, or null when the wait is over or one of the signals aborts first. */
const within = async <T>(
  work: Promise<T | null>,
  waitMs: number,
  signals: readonly AbortSignal[],
): Promise<T | null> => {
  if (signals.some(({ aborted }) => aborted)) return null;
  const over = Promise.withResolvers<null>();
  const giveUp = (): void => over.resolve(null);
  const timer = setTimeout(giveUp, waitMs);
  for (const signal of signals) signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    clearTimeout(timer);
    for (const signal of signals) signal.removeEventListener('abort', giveUp);
  }
};
