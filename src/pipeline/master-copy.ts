import { GatewayError } from '../core/errors.ts';
import type { TrackedFile } from '../core/file.ts';

/** Rejects with `content_unavailable` when there is no master copy of the file: it was imported, or its bytes were lost. */
export const requireMaster = ({ id, purgedAt }: Pick<TrackedFile, 'id' | 'purgedAt'>): void => {
  if (purgedAt === null) return;
  throw new GatewayError(
    'content_unavailable',
    `The original bytes of ${id} are not here, only copies at providers; upload the file again to have them.`,
    { param: 'id' },
  );
};
