import type { ErrorCode } from './errors.ts';
import type { ProviderId } from './provider.ts';

export type FileStatus = 'uploaded' | 'processed' | 'error';

/**
 * A copy at one provider. `pending` waits for its turn or a retry, `uploading` is being sent, `processing` was
 * taken and is not usable yet, `evicted` was removed to make room and comes back on use; the rest is final.
 */
export const deliveryStatuses = [
  'pending',
  'uploading',
  'processing',
  'completed',
  'failed',
  'evicted',
  'deleting',
  'deleted',
] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

/** A delivery has ended when nothing more will happen to it without a new request. */
export const hasEnded = (status: DeliveryStatus): boolean =>
  status === 'completed' || status === 'failed' || status === 'evicted' || status === 'deleted';

/**
 * Whether a copy may be at the provider that the record does not name, because an answer was lost. `look`: look for it
 * before sending anything; `look_again`: it was not in the list, which may lag, so look once more.
 */
export type Doubt = 'none' | 'look' | 'look_again';

/** A file as tracked: the row of `files`. */
export interface TrackedFile {
  readonly id: string;
  readonly owner: string;
  readonly filename: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly purpose: string;
  readonly status: FileStatus;
  readonly statusDetails: string | null;
  readonly blobKey: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly deletedAt: Date | null;
  /** Since when there is no master copy; null while there is one. */
  readonly purgedAt: Date | null;
}

/** A copy at a provider as tracked: the row of `provider_file_uploads`. */
export interface Delivery {
  readonly id: string;
  readonly fileId: string;
  readonly provider: ProviderId;
  readonly account: string;
  readonly remoteId: string | null;
  /** The delivery whose copy serves this one too; its `remoteId` is then shown here. */
  readonly shares: string | null;
  /** In the provider's vocabulary. */
  readonly purpose: string;
  readonly status: DeliveryStatus;
  /** Why this provider was chosen or refused, for the user. */
  readonly reason: string;
  /** Also the fence: a write that names an older attempt changes nothing. */
  readonly attempts: number;
  /** How many of the attempts only looked for an earlier one's copy. */
  readonly looks: number;
  readonly bytesSent: number;
  readonly doubt: Doubt;
  /** Taken over from an earlier system, under a name at the provider that Waybill has not given. */
  readonly isImported: boolean;
  readonly errorCode: ErrorCode | null;
  readonly errorMessage: string | null;
  readonly createdAt: Date;
  /** Since when it has been asked for, last. */
  readonly wantedAt: Date;
  /** Not to be tried before; null: at once. */
  readonly dueAt: Date | null;
  readonly updatedAt: Date;
  readonly expiresAt: Date | null;
}

export interface FileWithDeliveries {
  readonly file: TrackedFile;
  readonly deliveries: readonly Delivery[];
}

/** The status that follows from the deliveries: an error only when every provider refused for good. */
export const fileStatus = (deliveries: readonly Pick<Delivery, 'status'>[]): FileStatus => {
  const live = deliveries.filter(({ status }) => status !== 'deleted' && status !== 'deleting');
  if (live.some(({ status }) => !hasEnded(status))) return 'uploaded';
  if (live.length > 0 && live.every(({ status }) => status === 'failed')) return 'error';
  return 'processed';
};

const ID_CHARACTERS = 25;

/** `file-` and 25 characters of 128 random bits: unguessable, safe in paths, URLs and shells. */
export const newFileId = (): string => {
  const bits = crypto
    .getRandomValues(new Uint8Array(16))
    .reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return `file-${bits.toString(36).padStart(ID_CHARACTERS, '0')}`;
};
