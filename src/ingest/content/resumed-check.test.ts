import { describe, expect, it } from 'vitest';
import { pdf } from '../../../test/support/make-content.ts';
import { makeZip } from '../../../test/support/make-zip.ts';
import { createContent } from './content.ts';
import { sourceOf } from './source.ts';

const content = createContent();

describe('an upload that is gone on with', () => {
  it('U43 is judged by its beginning, read again, as if it had never stopped', async () => {
    const bytes = Buffer.concat([pdf(), Buffer.alloc(9_000, 'words ')]);
    for (const position of [10, 4_099, 4_100, 8_000]) {
      const asked: number[] = [];
      const readHead = async (end: number): Promise<Buffer> => {
        asked.push(end);
        return bytes.subarray(0, end);
      };
      const right = content.check({ filename: 'a.pdf', mediaType: 'application/pdf' });
      await right.take(bytes.subarray(position), position, readHead);
      expect(right.mayLeave).toBe(true);
      expect(await right.finish(sourceOf(bytes))).toBe('application/pdf');
      expect(asked).toEqual([Math.min(position, 4_100)]);
      const wrong = content.check({ filename: 'a.txt', mediaType: 'text/plain' });
      await expect(wrong.take(bytes.subarray(position), position, readHead)).rejects.toMatchObject({
        code: 'type_mismatch',
      });
    }
  });

  it('lets nothing leave before its beginning is known, nor what is inspected whole', async () => {
    const none = async (): Promise<Buffer> => Buffer.alloc(0);
    const text = content.check({ filename: 'a.txt', mediaType: 'text/plain' });
    await text.take(Buffer.alloc(4_099, 'a'), 0, none);
    expect(text.mayLeave).toBe(false);
    await text.take(Buffer.alloc(1, 'a'), 4_099, none);
    expect(text.mayLeave).toBe(true);
    const archive = content.check({ filename: 'a.zip', mediaType: 'application/zip' });
    await archive.take(makeZip([{ name: 'a', content: Buffer.alloc(9_000, 7), isStored: true }]), 0, none);
    expect(archive.mayLeave).toBe(false);
    const scanned = createContent({ clamAvUrl: 'tcp://127.0.0.1:1' }).check({
      filename: 'a.txt',
      mediaType: 'text/plain',
    });
    await scanned.take(Buffer.alloc(9_000, 'a'), 0, none);
    expect(scanned.mayLeave).toBe(false);
  });
});
