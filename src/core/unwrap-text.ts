import { GatewayError } from './errors.ts';

/**
 * The text in what a provider answers for the content of a file. Kimi puts JSON around it
 * (https://platform.kimi.ai/docs/api/files-content): `{"content":"…","file_type":"…",…}`. Anything else comes through as it
 * is. Holds no more than a chunk of it. Rejects with `provider_unavailable` where that JSON is broken.
 */
export async function* unwrapText(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const encoder = new TextEncoder();
  const held: Uint8Array[] = [];
  let kind: 'unknown' | 'plain' | 'wrapped' = 'unknown';
  let text = '';
  for await (const chunk of body) {
    if (kind === 'plain') {
      yield chunk;
      continue;
    }
    text += decoder.decode(chunk, { stream: true });
    if (kind === 'unknown') {
      held.push(chunk);
      const begun = OPENING.exec(text.slice(0, MAX_OPENING));
      if (begun === null && text.length < MAX_OPENING) continue;
      kind = begun === null ? 'plain' : 'wrapped';
      if (begun === null) {
        yield* held.splice(0);
        continue;
      }
      text = text.slice(begun[0].length);
    }
    const { value, left, isOver } = readString(text);
    if (value !== '') yield encoder.encode(value);
    if (isOver) return;
    text = left;
  }
  if (kind === 'unknown') yield* held;
}

/** Members that are strings may come before the text. */
const OPENING = /^\s*\{(?:\s*"(?!content")\w+"\s*:\s*"(?:[^"\\]|\\.)*"\s*,)*\s*"content"\s*:\s*"/su;
const MAX_OPENING = 4_096;

interface PartOfString {
  readonly value: string;
  /** What is not whole yet. */
  readonly left: string;
  readonly isOver: boolean;
}

/** As much of a JSON string as `text` has, from within the string. */
const readString = (text: string): PartOfString => {
  let end = 0;
  while (end < text.length && text[end] !== '"') {
    const step = text[end] !== '\\' ? 1 : text[end + 1] === 'u' ? 6 : 2;
    if (end + step > text.length) break;
    end += step;
  }
  const isOver = text[end] === '"';
  const value = parsed(text.slice(0, end));
  // Half a character, whose other half is to come.
  const isHalf = !isOver && /[\ud800-\udbff]$/u.test(value);
  if (!isHalf) return { value, left: text.slice(end), isOver };
  const cut = text[end - 1]?.match(/[\ud800-\udbff]/u) ? 1 : 6;
  return { value: value.slice(0, -1), left: text.slice(end - cut), isOver };
};

const parsed = (escaped: string): string => {
  try {
    return JSON.parse(`"${escaped}"`) as string;
  } catch (error) {
    const message = 'The provider answered for the text with JSON that is broken.';
    throw new GatewayError('provider_unavailable', message, { cause: error });
  }
};
