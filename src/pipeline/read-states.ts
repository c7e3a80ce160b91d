import type { Delivery, FileWithDeliveries } from '../core/file.ts';
import { findFiles } from '../tracking/files.ts';
import type { Dependencies } from './dependencies.ts';
import type { FileNews } from './file-feed.ts';
import type { Reception } from './receptions.ts';

/** What became of a file that there was news of. */
export type FileState =
  | { readonly type: 'progress'; readonly reception: Reception }
  | { readonly type: 'updated'; readonly file: FileWithDeliveries }
  | { readonly type: 'deleted' | 'aborted'; readonly fileId: string };

/** Beyond so many files that were told last, a state may be told twice, which is harmless. */
const MAX_REMEMBERED = 5_000;

/**
 * Reads what news of an owner's files stand for: bytes still coming in, as they are when their turn comes, else what the
 * record says. Says nothing of a file whose record is as it was when told last, nor of one that has neither.
 */
export const createStateReader = (
  { database, receptions }: Pick<Dependencies, 'database' | 'receptions'>,
  owner: string,
): ((news: readonly FileNews[]) => AsyncIterable<FileState>) => {
  const isNew = createLastTold();
  return async function* read(news) {
    const recorded = news.filter(({ fileId, isAborted }) => !isAborted && receptions.find(fileId) === null);
    const ids = recorded.map(({ fileId }) => fileId);
    for (const file of ids.length === 0 ? [] : await findFiles(database, owner, ids)) {
      const { id: fileId, deletedAt } = file.file;
      if (!isNew(fileId, stampOf(file))) continue;
      yield deletedAt === null ? { type: 'updated', file } : { type: 'deleted', fileId };
    }
    for (const { fileId, isAborted } of news) {
      const reception = receptions.find(fileId);
      if (isAborted) yield { type: 'aborted', fileId };
      else if (reception !== null) yield { type: 'progress', reception };
    }
  };
};

const createLastTold = (): ((fileId: string, stamp: string) => boolean) => {
  const told = new Map<string, string>();
  return (fileId, stamp) => {
    if (told.get(fileId) === stamp) return false;
    // Back to the end of the line of those that are forgotten.
    told.delete(fileId);
    told.set(fileId, stamp);
    for (const oldest of told.keys()) {
      if (told.size <= MAX_REMEMBERED) break;
      told.delete(oldest);
    }
    return true;
  };
};

/** Differs whenever what is shown of a file does. */
const stampOf = ({ file, deliveries }: FileWithDeliveries): string =>
  [file.deletedAt?.getTime() ?? file.status, ...deliveries.map(stampOfDelivery)].join(' ');

const stampOfDelivery = ({ status, attempts, bytesSent, updatedAt, remoteId, errorCode }: Delivery): string =>
  [status, attempts, bytesSent, updatedAt.getTime(), remoteId, errorCode].join('/');
