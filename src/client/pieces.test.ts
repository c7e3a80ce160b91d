import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPieces } from './pieces.ts';

const inflowOf = (chunks: readonly Uint8Array[]) => {
  const iterator = chunks[Symbol.iterator]();
  return { next: async () => iterator.next(), end: () => undefined };
};

describe('pieces', () => {
  it('have every byte once, in order, and are there again until the next is asked for', async () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(chunks, fc.integer({ min: 1, max: 16 }), async (given, pieceBytes) => {
        const whole = Buffer.concat(given);
        const source = createPieces(inflowOf(given), pieceBytes);
        for (let offset = 0; ; ) {
          const piece = await source.piece(offset);
          expect(Buffer.from(piece.body as Uint8Array)).toEqual(whole.subarray(offset, offset + pieceBytes));
          const middle = offset + Math.floor(piece.sizeBytes / 2);
          const again = await source.piece(middle);
          if (middle < offset + piece.sizeBytes) {
            expect(again.sizeBytes).toBe(offset + piece.sizeBytes - middle);
          }
          offset += piece.sizeBytes;
          expect(piece.isLast).toBe(offset === whole.length);
          if (piece.isLast) break;
        }
      }),
    );
  });

  it('that have gone by are not to be had', async () => {
    const source = createPieces(inflowOf([Buffer.alloc(4), Buffer.alloc(4)]), 4);
    await source.piece(0);
    await source.piece(4);
    await expect(source.piece(3)).rejects.toThrow(RangeError);
    await expect(source.piece(9)).rejects.toThrow(RangeError);
  });

  it('are of bytes and nothing else', async () => {
    const source = createPieces({ next: async () => ({ value: 'text' }), end: () => undefined }, 4);
    await expect(source.piece(0)).rejects.toThrow(TypeError);
  });
});
