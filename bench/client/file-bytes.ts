import { createCipheriv } from 'node:crypto';

const PIECE_BYTES = 2 ** 20;
const PIECES = 8;

/** Text, so that no check of types refuses it, and noise, so that nothing compresses it; alike in every process. */
const noise = ((): readonly Buffer[] => {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16));
  const raw = (PIECE_BYTES * 3) / 4;
  return Array.from({ length: PIECES }, () =>
    Buffer.from(cipher.update(Buffer.alloc(raw)).toString('base64'), 'latin1'),
  );
})();

export interface FileBytes {
  readonly sizeBytes: number;
  /** Up to `maxBytes`, at most 1 MiB, from an offset. Not a copy: not to be changed. */
  read(offsetBytes: number, maxBytes?: number): Buffer;
}

const STAMP_BYTES = 64;

/** The bytes of one generated file; its first 64 are its own, so that no two files of a run are the same. */
export const fileBytes = ({
  seed,
  number,
  sizeBytes,
}: {
  seed: number;
  number: number;
  sizeBytes: number;
}): FileBytes => {
  const stamp = Buffer.from(`file ${number} of ${seed} `.padEnd(STAMP_BYTES - 1, '.').concat('\n'), 'latin1');
  const first = Buffer.concat([stamp, pieceOf(0).subarray(STAMP_BYTES)]).subarray(0, sizeBytes);
  return {
    sizeBytes,
    read: (offsetBytes, maxBytes = PIECE_BYTES) => {
      const index = Math.floor(offsetBytes / PIECE_BYTES);
      const from = offsetBytes % PIECE_BYTES;
      const piece = index === 0 ? first : pieceOf(index);
      return piece.subarray(from, from + Math.min(maxBytes, sizeBytes - offsetBytes));
    },
  };
};

/** A file of at most 1 MiB in one buffer; cheaper than `fileBytes` where there are many. */
export const smallFile = ({
  seed,
  number,
  sizeBytes,
}: {
  seed: number;
  number: number;
  sizeBytes: number;
}): Buffer => {
  const whole = Buffer.from(pieceOf(number).subarray(0, sizeBytes));
  whole.write(`file ${number} of ${seed} `.padEnd(STAMP_BYTES - 1, '.').concat('\n'), 0, sizeBytes, 'latin1');
  return whole;
};

const pieceOf = (index: number): Buffer => noise[index % PIECES] ?? Buffer.alloc(0);
