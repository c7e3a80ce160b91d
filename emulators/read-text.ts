import { type BodyReading, readBody } from './read-upload.ts';

/**
 * The beginning of a body, up to `maxBytes`, as text; the rest is read and forgotten, which makes JSON that long invalid.
 * Rejects when the client hangs up first.
 */
export const readText = async (body: BodyReading, maxBytes: number): Promise<string> => {
  const pieces: Buffer[] = [];
  let bytes = 0;
  await readBody(body, (piece) => {
    bytes += piece.length;
    if (bytes <= maxBytes) pieces.push(piece);
    return undefined;
  });
  return Buffer.concat(pieces).toString();
};
