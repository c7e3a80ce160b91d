import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { GatewayError } from '../core/errors.ts';
import { openVerified } from './open-verified.ts';

const PIECE = 1_000;
const bytes = randomBytes(5 * PIECE);
const sha256 = createHash('sha256').update(bytes).digest('hex');

/** A copy that rests as `stored`, read in pieces, with what was read of it. */
const copyOf = (stored: Buffer) => {
  const ranges: [number, number][] = [];
  const read = async function* ({ start, end }: { start: number; end: number }) {
    ranges.push([start, end]);
    for (let at = start; at < Math.min(end, stored.length); at += PIECE)
      yield stored.subarray(at, Math.min(at + PIECE, end));
  };
  return { open: openVerified({ sizeBytes: bytes.length, sha256, read }), ranges };
};

const taken = async (source: AsyncIterable<Buffer>): Promise<{ bytes: Buffer; error: unknown }> => {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of source) pieces.push(piece);
    return { bytes: Buffer.concat(pieces), error: null };
  } catch (error) {
    return { bytes: Buffer.concat(pieces), error };
  }
};

const damaged = (at: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
};

describe('a master copy that is opened for sending', () => {
  it('comes whole, as often as it is opened', async () => {
    const { open } = copyOf(bytes);
    for (let time = 0; time < 2; time += 1) expect(await taken(open())).toEqual({ bytes, error: null });
  });

  it.each([0, 2_500, 4_999])('keeps its last piece back when byte %i is damaged', async (at) => {
    const { bytes: got, error } = await taken(copyOf(damaged(at)).open());
    expect(got.length).toBe(4 * PIECE);
    expect(error).toBeInstanceOf(GatewayError);
    expect(error).toMatchObject({ code: 'internal_error', retry: 'never' });
  });

  it('is damaged when it is shorter than it was', async () => {
    const { error } = await taken(copyOf(bytes.subarray(0, 4_500)).open());
    expect(error).toMatchObject({ code: 'internal_error' });
  });

  it('gives a part only once the whole was checked, which is done once', async () => {
    const { open, ranges } = copyOf(bytes);
    expect((await taken(open({ start: 1_000, end: 2_000 }))).bytes).toEqual(bytes.subarray(1_000, 2_000));
    await taken(open({ start: 2_000, end: 5_000 }));
    expect(ranges).toEqual([
      [0, 5_000],
      [1_000, 2_000],
      [2_000, 5_000],
    ]);
    const part = await taken(copyOf(damaged(4_000)).open({ start: 0, end: 1_000 }));
    expect(part).toMatchObject({ bytes: Buffer.alloc(0), error: { code: 'internal_error' } });
  });
});
