import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { GatewayError } from '../../core/errors.ts';
import { refuseOutsideName, refuseSpecial } from './entry-name.ts';
import { unsafe } from './refusals.ts';
import type { Unpacking } from './unpacking.ts';

/** By the magic of POSIX and of GNU tar (IEEE 1003.1, pax, ustar). */
export const isTar = (head: Buffer): boolean => head.toString('latin1', 257, 262) === 'ustar';

/**
 * Reads a tar archive through. Rejects with `unsafe_content` when it has links, devices, names that lead outside, or too many
 * entries, and when it is damaged.
 */
export const inspectTar = async (content: AsyncIterable<Buffer>, unpacking: Unpacking): Promise<void> => {
  const archive = extract();
  let refusal: unknown = null;
  archive.on('entry', (header, stream, next) => {
    // Told by the archive as well, which is listened to.
    stream.on('error', () => undefined);
    try {
      unpacking.entries(1);
      refuseSpecial(!PLAIN.has(header.type ?? 'file'));
      refuseOutsideName(header.name);
      unpacking.refuseMoreThan(header.size ?? 0);
    } catch (error) {
      refusal = error;
      archive.destroy(error instanceof Error ? error : null);
      return;
    }
    stream.once('end', next);
    stream.resume();
  });
  try {
    await pipeline(Readable.from(content), archive);
  } catch (error) {
    if (refusal !== null) throw refusal;
    if (error instanceof GatewayError || !isAboutBytes(error)) throw error;
    throw unsafe('The tar archive is damaged.', error);
  }
};

const PLAIN = new Set([
  'file',
  'contiguous-file',
  'directory',
  'pax-header',
  'pax-global-header',
  'gnu-long-path',
]);

/** The library rejects with plain errors; the system's and zlib's have a code. */
const isAboutBytes = (error: unknown): boolean =>
  error instanceof Error && error.name === 'Error' && !('code' in error && /^[EZ]/u.test(String(error.code)));
