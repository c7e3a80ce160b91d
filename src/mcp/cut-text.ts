/** Where a part of a text is, in bytes of UTF-8. */
export interface TextCut {
  readonly text: string;
  /** Where it begins: after the character that the offset points into. */
  readonly start: number;
  /** Null at the end of the text. */
  readonly nextOffset: number | null;
  /** Known once the end has been seen. */
  readonly totalBytes: number | null;
}

interface CutOptions {
  readonly offset: number;
  readonly limit: number;
  /** Where in the text the body begins; default: at its start. */
  readonly bodyStart?: number;
}

/**
 * The text from `offset` on, at most `limit` bytes of it but one character at least, cut between characters. Reads no more
 * than that and ends the iteration. Null when these bytes are no text: no UTF-8, or with NUL.
 */
export const cutText = async (
  body: AsyncIterable<Uint8Array>,
  { offset, limit, bodyStart = 0 }: CutOptions,
): Promise<TextCut | null> => {
  const wanted = Math.max(limit, LONGEST_CHARACTER);
  const { kept, seenBytes, isWhole } = await take(body, offset - bodyStart, wanted + LONGEST_CHARACTER);
  const begin = offset === 0 ? 0 : firstCharacter(kept);
  const last = begin + wanted >= kept.length && isWhole ? kept.length : lastCharacter(kept, begin + wanted);
  const text = decode(kept.subarray(begin, last));
  if (text === null) return null;
  const isEnd = isWhole && last === kept.length;
  const keptFrom = Math.min(offset, bodyStart + seenBytes);
  return {
    text,
    start: keptFrom + begin,
    nextOffset: isEnd ? null : keptFrom + last,
    totalBytes: isWhole ? bodyStart + seenBytes : null,
  };
};

/** In UTF-8. */
const LONGEST_CHARACTER = 4;

interface Taken {
  readonly kept: Uint8Array;
  /** What was skipped and more. */
  readonly seenBytes: number;
  /** Whether the end was seen. */
  readonly isWhole: boolean;
}

const take = async (body: AsyncIterable<Uint8Array>, skip: number, most: number): Promise<Taken> => {
  const pieces: Uint8Array[] = [];
  let seenBytes = 0;
  let keptBytes = 0;
  for await (const chunk of body) {
    const from = Math.max(0, Math.min(chunk.length, skip - seenBytes));
    const piece = chunk.subarray(from, from + most - keptBytes);
    pieces.push(piece);
    keptBytes += piece.length;
    seenBytes += chunk.length;
    if (keptBytes === most) return { kept: Buffer.concat(pieces), seenBytes, isWhole: false };
  }
  return { kept: Buffer.concat(pieces), seenBytes, isWhole: true };
};

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

/** The first place at which a character begins. */
const firstCharacter = (bytes: Uint8Array): number => {
  let at = 0;
  while (at < LONGEST_CHARACTER - 1 && isContinuation(bytes[at])) at += 1;
  return at;
};

/** The last place up to `end` at which a character begins, or `end` where the bytes do. */
const lastCharacter = (bytes: Uint8Array, end: number): number => {
  let at = Math.min(end, bytes.length);
  const least = at - (LONGEST_CHARACTER - 1);
  while (at > least && isContinuation(bytes[at])) at -= 1;
  return at;
};

const decode = (bytes: Uint8Array): string | null => {
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
};
