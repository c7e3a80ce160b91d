import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { parseUploadChecksum, type UploadChecksum, verified } from './tus-checksum.ts';

const WORDS = ['Some ', 'words', '.'];
async function* words(): AsyncGenerator<Buffer> {
  for (const word of WORDS) yield Buffer.from(word);
}
const digestOf = (algorithm: string, text = WORDS.join('')): Buffer =>
  createHash(algorithm).update(text).digest();

describe('parseUploadChecksum', () => {
  it('reads none, and those that are offered', () => {
    expect(parseUploadChecksum(undefined)).toBeNull();
    for (const algorithm of ['sha1', 'sha256'] as const) {
      const digest = digestOf(algorithm);
      const header = `${algorithm} ${digest.toString('base64')}`;
      expect(parseUploadChecksum(header)).toEqual({ algorithm, digest });
    }
  });

  it.each([
    '',
    'sha1',
    `md5 ${digestOf('md5').toString('base64')}`,
    `SHA1 ${digestOf('sha1').toString('base64')}`,
    `sha1 ${digestOf('sha256').toString('base64')}`,
    `sha256 ${digestOf('sha256').toString('hex')}`,
    `sha256 ${digestOf('sha256').toString('base64url')}`,
    `sha1 ${digestOf('sha1').toString('base64')} more`,
    ['sha1 x', 'sha1 x'],
  ])('refuses %j', (header) => {
    expect(() => parseUploadChecksum(header)).toThrow(
      expect.objectContaining({ code: 'invalid_request', param: 'Upload-Checksum' }),
    );
  });
});

describe('verified', () => {
  it.each(['sha1', 'sha256'] as const)('passes on a body that is right: %s', async (algorithm) => {
    const body = verified(words(), { algorithm, digest: digestOf(algorithm) });
    expect((await buffer(body)).toString()).toBe(WORDS.join(''));
  });

  it('rejects at the end of another body', async () => {
    const checksum: UploadChecksum = { algorithm: 'sha256', digest: digestOf('sha256', 'Other words.') };
    const seen: string[] = [];
    const reading = (async () => {
      for await (const chunk of verified(words(), checksum)) seen.push(chunk.toString());
    })();
    await expect(reading).rejects.toMatchObject({
      code: 'checksum_mismatch',
      httpStatus: 460,
      retry: 'once',
    });
    expect(seen).toEqual(WORDS);
  });
});
