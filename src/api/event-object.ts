import { z } from 'zod';
import { providerIds } from '../core/provider.ts';
import type { FileEvent } from '../pipeline/watch-files.ts';
import { fileObject, toFileObject } from './file-object.ts';

const id = z.string().describe('The last one seen, sent back, resumes: a time in Unix milliseconds');
const fileId = z.object({ id: z.string() });

const progress = z.object({
  id: z.string().describe('The id that the file will have'),
  filename: z.string(),
  bytes: z.int().nullable().describe('As announced; null when the client did not say'),
  received_bytes: z.int(),
  hashed_bytes: z.int(),
  deliveries: z
    .array(z.object({ provider: z.enum(providerIds), bytes_sent: z.int() }))
    .describe('Providers that are sent the file while it comes in'),
});

/** A file on its way into the gateway, which no record has yet. */
export type FileProgress = z.output<typeof progress>;

/** One message of a WebSocket; as server-sent event its fields are `id:`, `event:` and `data:`. */
export const eventObject = z
  .discriminatedUnion('type', [
    z.object({ id, type: z.literal('file.progress'), data: progress }),
    z.object({ id, type: z.literal('file.updated'), data: fileObject }),
    z.object({ id, type: z.literal('file.deleted'), data: fileId }),
    z.object({ id, type: z.literal('file.aborted'), data: fileId }).describe('Its upload was given up'),
  ])
  .meta({ id: 'Event' });

export type EventObject = z.output<typeof eventObject>;

/** For `retentionDays` see `toFileObject`. */
export const toEventObject = (event: FileEvent, retentionDays: number): EventObject => {
  const cursor = String(event.cursorMs);
  switch (event.type) {
    case 'progress':
      return { id: cursor, type: 'file.progress', data: toProgress(event.reception) };
    case 'updated':
      return { id: cursor, type: 'file.updated', data: toFileObject(event.file, retentionDays) };
    case 'deleted':
      return { id: cursor, type: 'file.deleted', data: { id: event.fileId } };
    case 'aborted':
      return { id: cursor, type: 'file.aborted', data: { id: event.fileId } };
  }
};

const toProgress = (reception: Extract<FileEvent, { type: 'progress' }>['reception']): FileProgress => ({
  id: reception.fileId,
  filename: reception.filename,
  bytes: reception.sizeBytes,
  received_bytes: reception.receivedBytes,
  hashed_bytes: reception.hashedBytes,
  deliveries: [...reception.sentBytes].map(([provider, bytes_sent]) => ({ provider, bytes_sent })),
});
