import { describe, expect, it } from 'vitest';
import { readUntilTold } from './read-until-told.ts';

/** A body that goes on for as long as the test pushes. */
const pushed = () => {
  const chunks: (Buffer | null)[] = [];
  let wake: () => void = () => undefined;
  async function* body(): AsyncGenerator<Buffer> {
    while (true) {
      const chunk = chunks.shift();
      if (chunk === null) return;
      if (chunk !== undefined) yield chunk;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  }
  const push = (text: string | null): void => {
    chunks.push(text === null ? null : Buffer.from(text));
    wake();
  };
  return { body: body(), push };
};

const collect = async (body: AsyncIterable<Buffer>, seen: string[] = []): Promise<string[]> => {
  for await (const chunk of body) seen.push(chunk.toString());
  return seen;
};

describe('readUntilTold', () => {
  it('reads a body to its end when nobody tells it otherwise', async () => {
    const { body, push } = pushed();
    for (const text of ['a', 'b', null]) push(text);
    expect(await collect(readUntilTold(body, new AbortController().signal))).toEqual(['a', 'b']);
  });

  it('ends at the next pause, with the reason', async () => {
    const { body, push } = pushed();
    const telling = new AbortController();
    const seen: string[] = [];
    const reading = collect(readUntilTold(body, telling.signal), seen);
    push('a');
    telling.abort(new Error('Somebody else wants it.'));
    await expect(reading).rejects.toThrow('Somebody else wants it.');
    expect(seen).toEqual(['a']);
  });

  it('takes what is nearly there, also when it was told before', async () => {
    const { body, push } = pushed();
    for (const text of ['a', 'b', 'c', null]) push(text);
    expect(await collect(readUntilTold(body, AbortSignal.abort(new Error('Stop.'))))).toEqual([
      'a',
      'b',
      'c',
    ]);
  });

  it('does not go on for ever with one that keeps coming', async () => {
    const { body, push } = pushed();
    const telling = new AbortController();
    const pushing = setInterval(push, 50, 'more');
    const reading = collect(readUntilTold(body, telling.signal));
    telling.abort(new Error('Stop now.'));
    await expect(reading).rejects.toThrow('Stop now.');
    clearInterval(pushing);
  });

  it('passes on what the body rejects with', async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.from('a');
      throw new Error('Broken.');
    }
    await expect(collect(readUntilTold(broken(), new AbortController().signal))).rejects.toThrow('Broken.');
  });
});
