import { describe, expect, it } from 'vitest';
import { createSlots } from './slots.ts';

const FOREVER = { waitMs: Number.POSITIVE_INFINITY };

describe('slots', () => {
  it('are as many as there are, and go to whoever waited longest', async () => {
    const slots = createSlots(2);
    const first = await slots.take(FOREVER);
    await slots.take(FOREVER);
    const order: number[] = [];
    const waiting = [1, 2].map(async (n) => {
      const giveBack = await slots.take(FOREVER);
      order.push(n);
      giveBack?.();
    });
    expect(await slots.take({ waitMs: 0 })).toBeNull();
    first?.();
    await Promise.all(waiting);
    expect(order).toEqual([1, 2]);
  });

  it('are given back once, however often that is said', async () => {
    const slots = createSlots(1);
    const giveBack = await slots.take(FOREVER);
    giveBack?.();
    giveBack?.();
    expect(await slots.take({ waitMs: 0 })).not.toBeNull();
    expect(await slots.take({ waitMs: 0 })).toBeNull();
  });

  it('are not taken when too few would be left', async () => {
    const slots = createSlots(4);
    const modest = { waitMs: 0, keepFree: 2 };
    expect(await slots.take(modest)).not.toBeNull();
    expect(await slots.take(modest)).not.toBeNull();
    expect(await slots.take(modest)).toBeNull();
    expect(await slots.take({ waitMs: 0 })).not.toBeNull();
  });

  it('are not waited for beyond the time, nor when the signal aborts, and nobody else loses by it', async () => {
    const slots = createSlots(1);
    const giveBack = await slots.take(FOREVER);
    expect(await slots.take({ waitMs: 1 })).toBeNull();
    const leaving = new AbortController();
    const left = slots.take({ ...FOREVER, signal: leaving.signal });
    const stays = slots.take(FOREVER);
    leaving.abort();
    expect(await left).toBeNull();
    expect(await slots.take({ ...FOREVER, signal: leaving.signal })).toBeNull();
    giveBack?.();
    expect(await stays).not.toBeNull();
  });
});
