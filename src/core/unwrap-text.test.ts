import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unwrapText } from './unwrap-text.ts';

/** What comes of a text whose bytes arrive in pieces of this size. */
const unwrapped = async (text: string, pieceBytes: number): Promise<string> => {
  const bytes = Buffer.from(text);
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  };
  const parts: Uint8Array[] = [];
  for await (const part of unwrapText(pieces())) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
};

describe('unwrapping', () => {
  it('gives the text that JSON is around, however it is cut', async () => {
    const texts = fc.string({ unit: 'grapheme' });
    await fc.assert(
      fc.asyncProperty(
        texts,
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        async (content, size, isFirst) => {
          const others = { file_type: 'application/pdf', title: 'a "title" \\' };
          const json = JSON.stringify(isFirst ? { content, ...others } : { ...others, content });
          expect(await unwrapped(json, size)).toBe(content);
          const escaped = json.replace(/[^\x20-\x7e]/gu, (character) =>
            [...Array(character.length).keys()]
              .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
              .join(''),
          );
          expect(await unwrapped(escaped, size)).toBe(content);
        },
      ),
    );
  });

  it.each([
    '',
    'plain text',
    '{"contents":"x"}',
    '{"a":1}',
    '["content"]',
    `{${' '.repeat(5_000)}"content":"x"}`,
  ])('leaves anything else as it is: %s', async (text) => {
    for (const size of [1, 7, 100_000]) expect(await unwrapped(text, size)).toBe(text);
  });

  it.each(['{"content":"a\nb","file_type":""}', '{"content":"a\\xb"}'])(
    'rejects JSON that is broken: %j',
    async (text) => {
      await expect(unwrapped(text, 100)).rejects.toMatchObject({ code: 'provider_unavailable' });
    },
  );
});
