import { z } from 'zod';
import { type Delivery, deliveryStatuses, type FileWithDeliveries, type TrackedFile } from '../core/file.ts';
import { providerIds } from '../core/provider.ts';

/** A copy at one provider, as the API shows it. */
const deliveryObject = z
  .object({
    provider: z.enum(providerIds),
    provider_file_id: z.string().nullable().describe('The id at the provider, once it has one'),
    purpose: z.string().describe("In the provider's vocabulary"),
    status: z.enum(deliveryStatuses),
    reason: z.string().describe('Why this provider was chosen or refused'),
    bytes_sent: z.int(),
    attempts: z.int(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    expires_at: z.int().nullable().describe('When the provider deletes it, in Unix seconds'),
    updated_at: z.int().describe('Unix seconds'),
  })
  .meta({ id: 'Delivery' });

/** OpenAI's File object with what Waybill adds. */
export const fileObject = z
  .object({
    id: z.string(),
    object: z.literal('file'),
    bytes: z.int(),
    created_at: z.int().describe('Unix seconds'),
    expires_at: z.int().nullable().describe('From when on it may be gone; null: never'),
    filename: z.string(),
    purpose: z.string(),
    status: z.enum(['uploaded', 'processed', 'error']),
    status_details: z.string().nullable(),
    sha256: z.string().describe('Lower-case hex'),
    media_type: z.string(),
    deliveries: z.array(deliveryObject),
  })
  .meta({ id: 'File' });

export type DeliveryObject = z.output<typeof deliveryObject>;
export type FileObject = z.output<typeof fileObject>;

/** Where files without an expiry of their own are kept for `retentionDays`; 0: for ever. */
export const toFileObject = (
  { file, deliveries }: FileWithDeliveries,
  retentionDays: number,
): FileObject => ({
  id: file.id,
  object: 'file',
  bytes: file.sizeBytes,
  created_at: unixSeconds(file.createdAt),
  expires_at: endOf(file, retentionDays),
  filename: file.filename,
  purpose: file.purpose,
  status: file.status,
  status_details: file.statusDetails,
  sha256: file.sha256,
  media_type: file.mediaType,
  deliveries: deliveries.map(toDeliveryObject),
});

const DAY_SECONDS = 86_400;

const endOf = ({ expiresAt, createdAt }: TrackedFile, retentionDays: number): number | null => {
  if (expiresAt !== null) return unixSeconds(expiresAt);
  return retentionDays === 0 ? null : unixSeconds(createdAt) + retentionDays * DAY_SECONDS;
};

const toDeliveryObject = (delivery: Delivery): DeliveryObject => ({
  provider: delivery.provider,
  provider_file_id: delivery.remoteId,
  purpose: delivery.purpose,
  status: delivery.status,
  reason: delivery.reason,
  bytes_sent: delivery.bytesSent,
  attempts: delivery.attempts - delivery.looks,
  error: delivery.errorCode && { code: delivery.errorCode, message: delivery.errorMessage ?? '' },
  expires_at: delivery.expiresAt && unixSeconds(delivery.expiresAt),
  updated_at: unixSeconds(delivery.updatedAt),
});

const unixSeconds = (date: Date): number => Math.floor(date.getTime() / 1_000);
