import { type FileWithDeliveries, hasEnded } from '../core/file.ts';
import { findFile } from '../tracking/files.ts';
import type { Dependencies } from './dependencies.ts';
import { type Wait, watchFile } from './watch-file.ts';

/** The file once all its deliveries have ended, or as it is when the wait is over. Null when it is not there. */
export const awaitDeliveries = (
  dependencies: Dependencies,
  { owner, fileId }: { owner: string; fileId: string },
  wait: Wait,
): Promise<FileWithDeliveries | null> =>
  watchFile(dependencies, fileId, wait, async () => {
    const value = await findFile(dependencies.database, owner, fileId);
    return { value, isDone: value === null || value.deliveries.every(({ status }) => hasEnded(status)) };
  });
