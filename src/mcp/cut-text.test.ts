import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutText, type TextCut } from './cut-text.ts';

const inPieces = async function* (bytes: Buffer, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
};
const cut = (text: string | Buffer, offset: number, limit: number): Promise<TextCut | null> =>
  cutText(inPieces(Buffer.from(text), 5), { offset, limit });

describe('cutting a text', () => {
  it('gives all of it, part by part, and nothing twice', async () => {
    const anyText = fc.string({ unit: 'binary', maxLength: 60 }).map((text) => text.replaceAll('\0', ''));
    await fc.assert(
      fc.asyncProperty(anyText, fc.integer({ min: 1, max: 20 }), async (text, limit) => {
        const parts: string[] = [];
        for (let offset: number | null = 0; offset !== null; ) {
          const part: TextCut | null = await cut(text, offset, limit);
          expect(part?.start).toBe(offset);
          parts.push(part?.text ?? '');
          offset = part?.nextOffset ?? null;
        }
        expect(parts.join('')).toBe(text);
      }),
    );
  });

  it('begins after the character that it is told to begin within', async () => {
    const rest = { text: 'b', start: 4, nextOffset: null, totalBytes: 5 };
    expect(await cut('a€b', 2, 10)).toEqual(rest);
    const body = inPieces(Buffer.from('a€b').subarray(2), 5);
    expect(await cutText(body, { offset: 2, limit: 10, bodyStart: 2 })).toEqual(rest);
  });

  it('ends with nothing beyond the end', async () => {
    expect(await cut('abc', 9, 10)).toEqual({ text: '', start: 3, nextOffset: null, totalBytes: 3 });
  });

  it('reads no further than it must', async () => {
    let readBytes = 0;
    let hasEnded = false;
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      try {
        while (true) {
          readBytes += 100;
          yield Buffer.alloc(100, 'x');
        }
      } finally {
        hasEnded = true;
      }
    };
    const part = await cutText(endless(), { offset: 1_000, limit: 50 });
    expect(part).toMatchObject({ start: 1_000, nextOffset: 1_050, totalBytes: null });
    expect(readBytes).toBeLessThanOrEqual(1_100);
    expect(hasEnded).toBe(true);
  });

  it.each([
    ['NUL', Buffer.from('a\0b')],
    ['bytes that are no UTF-8', Buffer.from([0x61, 0xff, 0xfe, 0x62])],
    ['half a character at the end', Buffer.from('a€').subarray(0, 3)],
  ])('takes %s for no text', async (_, bytes) => {
    expect(await cut(bytes, 0, 100)).toBeNull();
  });
});
