import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { NewUpload } from './openai-new-upload.ts';

/** Some bytes sent to an Upload, in a file of their own; their place in the whole is decided by `complete`. */
export interface Part {
  readonly id: string;
  readonly bytes: number;
  /** Hex SHA-256. */
  readonly sha256: string;
  readonly path: string;
  /** Unix seconds. */
  readonly createdAt: number;
}

/** An Upload under way or ended. Lost, parts included, in a restart. */
export interface Upload {
  readonly id: string;
  readonly announced: NewUpload;
  /** Unix milliseconds. */
  readonly createdAtMs: number;
  /** In order of arrival; emptied, on disk too, when the Upload ends. */
  readonly parts: Map<string, Part>;
  /** `completing`, which is `pending` to the outside, while the parts are joined. */
  status: 'pending' | 'completing' | 'completed' | 'cancelled' | 'expired';
  /** The file it became. */
  fileId: string | null;
}

export const receivedBytes = ({ parts }: Upload): number =>
  [...parts.values()].reduce((sum, { bytes }) => sum + bytes, 0);

export const expiresAtMs = ({ createdAtMs }: Upload, lifetimeMs: number): number => createdAtMs + lifetimeMs;

/** Whether the time is up for one that is still waiting for parts. */
export const isOverdue = (upload: Upload, lifetimeMs: number): boolean =>
  upload.status === 'pending' && expiresAtMs(upload, lifetimeMs) <= Date.now();

/** Ends an Upload and removes its parts. */
export const endUpload = async (
  upload: Upload,
  status: 'completed' | 'cancelled' | 'expired',
): Promise<void> => {
  upload.status = status;
  const paths = [...upload.parts.values()].map(({ path }) => path);
  upload.parts.clear();
  await Promise.all(paths.map((path) => rm(path, { force: true })));
};

const BUFFER_BYTES = 262_144;

/**
 * Writes the parts one after the other to `path`, which is the caller's afterwards; hex digests of the whole, of
 * which MD5 takes the longer and is for who asks. Rejects, with nothing left at `path`, when the disk does not play along.
 */
export const joinParts = async (
  parts: readonly Part[],
  { path, withMd5 }: { path: string; withMd5: boolean },
): Promise<{ sha256: string; md5: string | null }> => {
  const sha256 = createHash('sha256');
  const md5 = withMd5 ? createHash('md5') : null;
  const chunks = async function* (): AsyncGenerator<Buffer> {
    for (const part of parts) {
      const stream = createReadStream(part.path, { highWaterMark: BUFFER_BYTES });
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        sha256.update(chunk);
        md5?.update(chunk);
        yield chunk;
      }
    }
  };
  try {
    await pipeline(chunks, createWriteStream(path, { highWaterMark: BUFFER_BYTES }));
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  return { sha256: sha256.digest('hex'), md5: md5?.digest('hex') ?? null };
};
