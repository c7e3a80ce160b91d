import type { ResourceLink } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { DeliveryObject, FileObject } from '../api/file-object.ts';

const toolDelivery = z.object({
  provider: z.string(),
  status: z.string(),
  provider_file_id: z.string().optional(),
  error: z.string().optional(),
});

/** A file as the tools show it: what a model can use, since every token of it is paid for. */
export const toolFile = z.object({
  id: z.string(),
  filename: z.string(),
  bytes: z.number(),
  media_type: z.string(),
  sha256: z.string(),
  status: z.string(),
  status_details: z.string().optional(),
  created_at: z.number(),
  expires_at: z.number().optional(),
  deliveries: z.array(toolDelivery),
});

export type ToolFile = z.output<typeof toolFile>;

export const toToolFile = (file: FileObject): ToolFile => ({
  id: file.id,
  filename: file.filename,
  bytes: file.bytes,
  media_type: file.media_type,
  sha256: file.sha256,
  status: file.status,
  ...(file.status_details === null ? {} : { status_details: file.status_details }),
  created_at: file.created_at,
  ...(file.expires_at === null ? {} : { expires_at: file.expires_at }),
  deliveries: file.deliveries.map(toToolDelivery),
});

const toToolDelivery = (delivery: DeliveryObject): z.output<typeof toolDelivery> => ({
  provider: delivery.provider,
  status: delivery.status,
  ...(delivery.provider_file_id === null ? {} : { provider_file_id: delivery.provider_file_id }),
  ...(delivery.error === null ? {} : { error: `${delivery.error.code}: ${delivery.error.message}` }),
});

/** One line for a model, such as `file-… "report.pdf" 1200 bytes application/pdf: kimi completed`. */
export const describeFile = ({ id, filename, bytes, media_type, status, deliveries }: FileObject): string => {
  const copies = deliveries.map(
    ({ provider, status: state, error }) =>
      `${provider} ${state}${error === null ? '' : ` (${error.message})`}`,
  );
  const where = copies.length === 0 ? 'at no provider' : copies.join(', ');
  return `${id} ${JSON.stringify(filename)} ${bytes} bytes ${media_type}, ${status}: ${where}`;
};

export const linkTo = ({ id, filename, bytes, media_type }: FileObject): ResourceLink => ({
  type: 'resource_link',
  uri: `waybill://files/${id}`,
  name: filename,
  mimeType: media_type,
  size: bytes,
});
