import type { Delivery } from '../core/file.ts';
import type { RemoteFile } from '../core/provider.ts';

/** The delivery that has sent a file which no record names, with what matters of its own file. */
export interface OrphanSender
  extends Pick<Delivery, 'id' | 'fileId' | 'status' | 'attempts' | 'remoteId' | 'shares'> {
  readonly sizeBytes: number;
  readonly isFileDeleted: boolean;
}

/** `under_way`: bytes are being sent just now, and the file may be what they make. */
export type OrphanFate = 'adopt' | 'remove' | 'leave' | 'under_way';

/**
 * What becomes of a file in a provider's list that bears a delivery's mark and that no record names. Against a record that
 * was restored nothing is removed: what it does not name may have come after its backup.
 */
export const orphanFate = (
  sender: OrphanSender,
  remote: Pick<RemoteFile, 'sizeBytes' | 'state'>,
  { isRestored }: { readonly isRestored: boolean },
): OrphanFate => {
  const { status, isFileDeleted, remoteId, shares } = sender;
  const unwanted = isRestored ? 'leave' : 'remove';
  if (status === 'uploading') return 'under_way';
  if (isFileDeleted) return unwanted;
  const canAdopt = remoteId === null && shares === null && isAdoptable(sender, remote);
  switch (status) {
    case 'failed':
      return canAdopt ? 'adopt' : unwanted;
    case 'pending':
      // It looks for what it has sent by itself, and removes what is broken.
      return canAdopt ? 'adopt' : 'leave';
    case 'evicted':
      return canAdopt && isRestored ? 'adopt' : unwanted;
    case 'processing':
      return 'leave';
    case 'completed':
    case 'deleting':
    case 'deleted':
      return unwanted;
  }
};

/** Whether the file is whole and was not refused by its provider. */
export const isAdoptable = (
  { sizeBytes }: Pick<OrphanSender, 'sizeBytes'>,
  remote: Pick<RemoteFile, 'sizeBytes' | 'state'>,
): boolean => remote.state !== 'failed' && (remote.sizeBytes === null || remote.sizeBytes === sizeBytes);
