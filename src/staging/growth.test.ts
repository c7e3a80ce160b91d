import { describe, expect, it } from 'vitest';
import { BlobAbortedError } from '../core/blob-store.ts';
import { Growth } from './growth.ts';

describe('the growth of a blob', () => {
  it('wakes whoever waits for more than there is, and only them', async () => {
    const growth = new Growth();
    const waits = [0, 5, 9].map((offset) => growth.beyond(offset));
    growth.advance(6);
    expect(await Promise.all(waits.slice(0, 2))).toEqual([6, 6]);
    growth.advance(10);
    expect(await waits[2]).toBe(10);
    expect(await growth.beyond(3)).toBe(10);
  });

  it('tells the final size to everybody once it is finished', async () => {
    const growth = new Growth();
    const far = growth.beyond(1_000);
    growth.advance(6);
    growth.finish();
    expect(await far).toBe(6);
    expect(await growth.beyond(6)).toBe(6);
  });

  it('fails those who wait and those who come later when the writer gives up', async () => {
    const growth = new Growth();
    growth.advance(6);
    const waiting = growth.beyond(6);
    growth.fail();
    await expect(waiting).rejects.toBeInstanceOf(BlobAbortedError);
    await expect(growth.beyond(0)).rejects.toBeInstanceOf(BlobAbortedError);
  });

  it('lets one leave by signal while the others wait on', async () => {
    const growth = new Growth();
    const leaving = new AbortController();
    const left = growth.beyond(0, leaving.signal);
    const stays = growth.beyond(0);
    leaving.abort(new Error('enough'));
    await expect(left).rejects.toThrow('enough');
    growth.advance(1);
    expect(await stays).toBe(1);
  });
});
