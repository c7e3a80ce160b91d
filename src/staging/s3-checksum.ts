import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { GatewayError } from '../core/errors.ts';

const MD5_ETAG = /^"?([0-9a-f]{32})"?$/u;

/**
 * Throws unless what a server says it has stored is what was sent. Those that know S3's checksums answer with the CRC-32,
 * which they have compared themselves; of others, such as Supabase Storage, the ETag of a part is its MD5.
 */
export const assertStored = (
  sent: Buffer,
  {
    ChecksumCRC32,
    ETag = '',
  }: { readonly ChecksumCRC32?: string | undefined; readonly ETag?: string | undefined },
): void => {
  if (ChecksumCRC32 !== undefined) {
    if (ChecksumCRC32 !== crc32Of(sent)) throw changed();
    return;
  }
  const [, md5] = MD5_ETAG.exec(ETag) ?? [];
  if (md5 !== undefined && md5 !== createHash('md5').update(sent).digest('hex')) throw changed();
};

/** Base64 of the four bytes, the most significant first, as S3 has it. */
const crc32Of = (bytes: Buffer): string => {
  const four = Buffer.alloc(4);
  four.writeUInt32BE(crc32(bytes));
  return four.toString('base64');
};

const changed = (): GatewayError =>
  new GatewayError('unavailable', 'The object storage did not store what it was sent. Try again.', {
    cause: new Error('The checksum of the stored bytes is another than that of the sent ones.'),
  });
