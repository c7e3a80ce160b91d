import { createHash } from 'node:crypto';
import type { FileToUpload } from './upload-source.ts';

/** Below, sending the bytes takes no longer than asking for them. */
const MIN_BYTES = 64 * 1_024;

/** The SHA-256 of what is to be sent, hexadecimal; null where it cannot be read twice, or is too little to be worth it. */
export const digestOf = async (
  { open, sizeBytes }: FileToUpload,
  signal: AbortSignal,
): Promise<{ sha256: string; sizeBytes: number } | null> => {
  if (sizeBytes === null || sizeBytes < MIN_BYTES) return null;
  const hash = createHash('sha256');
  let readBytes = 0;
  for await (const chunk of open()) {
    signal.throwIfAborted();
    readBytes += chunk.length;
    hash.update(chunk);
  }
  return { sha256: hash.digest('hex'), sizeBytes: readBytes };
};
