import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { GatewayError } from '../core/errors.ts';
import { createTurns } from './turns.ts';

const WAIT_MS = 50;

describe('a turn', () => {
  it('is one at a time, for each key', async () => {
    const turns = createTurns({ waitMs: WAIT_MS });
    const first = await turns.take('a');
    expect(turns.takeFree('a')).toBeNull();
    expect(turns.takeFree('b')).not.toBeNull();
    expect(first.told.aborted).toBe(false);
    first.giveBack();
    expect(turns.takeFree('a')).not.toBeNull();
  });

  it('is asked for by whoever comes, and had by one of many', async () => {
    const turns = createTurns({ waitMs: 10_000 });
    let having = 0;
    let ended = 0;
    const run = async (): Promise<string> => {
      const turn = await turns.take('a');
      having += 1;
      expect(having).toBe(1);
      // All but the last are told to end by one that waits.
      if (ended < 4 && !turn.told.aborted) await once(turn.told, 'abort');
      ended += 1;
      having -= 1;
      turn.giveBack();
      return turn.told.aborted ? turn.told.reason.code : 'alone';
    };
    const outcomes = await Promise.all(Array.from({ length: 5 }, run));
    expect(outcomes.toSorted()).toEqual([...Array(4).fill('upload_locked'), 'alone'].toSorted());
  });

  it('is refused when nobody gives it back', async () => {
    const turns = createTurns({ waitMs: WAIT_MS });
    await turns.take('a');
    await expect(turns.take('a')).rejects.toMatchObject({ code: 'upload_locked', retry: 'later' });
  });

  it('is to be ended by all, for one reason, and waited for', async () => {
    const turns = createTurns({ waitMs: WAIT_MS });
    const [before, reason] = [await turns.take('a'), new GatewayError('unavailable', 'We are stopping now.')];
    turns.tellAll(reason);
    const after = await turns.take('b');
    expect([before.told.reason, after.told.reason]).toEqual([reason, reason]);
    let isIdle = false;
    const idle = turns.idle().then(() => {
      isIdle = true;
    });
    before.giveBack();
    await Promise.resolve();
    expect(isIdle).toBe(false);
    after.giveBack();
    await idle;
  });
});
