import { randomBytes, randomInt } from 'node:crypto';
import { type AnswerShape, OPENAI_SHAPE } from './answer-shape.ts';
import type { StoredFile } from './file-shelf.ts';

/** OpenAI's own shape: besides the one others took from it, the file inside a completed Upload. */
export const UPLOADS_SHAPE: AnswerShape = { ...OPENAI_SHAPE, file: 'file' };

export const newFileId = (): string =>
  `file-${Array.from({ length: 22 }, () => randomInt(36).toString(36)).join('')}`;

/** An id of an Upload or a Part. */
export const newUploadId = (kind: 'upload' | 'part'): string => `${kind}_${randomBytes(20).toString('hex')}`;

/** The File object. `expires_at` and `status_details` are null, not absent, where there is none, as captured. */
export const fileObject = (file: StoredFile, { isProcessed }: { isProcessed: boolean }) => ({
  id: file.id,
  object: 'file',
  bytes: file.bytes,
  created_at: file.createdAt,
  expires_at: file.expiresAt ?? null,
  filename: file.filename,
  purpose: file.purpose,
  status: isProcessed ? (file.problem === null ? 'processed' : 'error') : 'uploaded',
  status_details: isProcessed ? file.problem : null,
});
