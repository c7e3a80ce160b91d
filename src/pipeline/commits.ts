import type { FileWithDeliveries, TrackedFile } from '../core/file.ts';
import { createGroupCommit } from '../platform/group-commit.ts';
import { findEachFile } from '../tracking/files.ts';
import type { Dependencies } from './dependencies.ts';
import { type CompletedDelivery, completeDeliveries } from './end-delivery.ts';
import { type PlannedFile, type Recorded, recordFiles } from './record-file.ts';

/** What every small file needs of the record, shared by those that come at the same time. */
export interface Commits {
  record(file: PlannedFile): Promise<Recorded>;
  /** The file as it then is; null when the claim was lost or the file deleted meanwhile. */
  complete(delivery: CompletedDelivery): Promise<FileWithDeliveries | null>;
  find(file: Pick<TrackedFile, 'owner' | 'id'>): Promise<FileWithDeliveries | null>;
}

export const createCommits = (
  dependencies: Pick<Dependencies, 'database' | 'jobs' | 'tidyAfterMs'>,
): Commits => ({
  record: createGroupCommit((files) => recordFiles(dependencies, files)),
  complete: createGroupCommit((deliveries) => completeDeliveries(dependencies, deliveries)),
  find: createGroupCommit((files) => findEachFile(dependencies.database, files)),
});
