import { createHash } from 'node:crypto';
import { GatewayError } from '../core/errors.ts';
import type { ByteRange } from '../core/provider.ts';

export interface MasterCopy {
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly read: (range: ByteRange) => AsyncIterable<Buffer>;
}

/**
 * Opens a master copy for sending so that a damaged one never arrives: the last piece of the whole is held back until
 * everything before it has the right digest, and a part is read only after the whole was. Reading rejects with
 * `internal_error`, never to be tried again, when the bytes are not those that were received.
 */
export const openVerified = (copy: MasterCopy): ((range?: ByteRange) => AsyncIterable<Buffer>) => {
  const whole: ByteRange = { start: 0, end: copy.sizeBytes };
  let checked: Promise<void> | null = null;
  return (range = whole) => {
    if (range.start === 0 && range.end === copy.sizeBytes) return readWhole(copy, whole);
    checked ??= drain(readWhole(copy, whole));
    return readAfter(checked, () => copy.read(range));
  };
};

async function* readWhole({ read, sha256 }: MasterCopy, whole: ByteRange): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let held: Buffer | null = null;
  for await (const piece of read(whole)) {
    if (held !== null) yield held;
    hash.update(piece);
    held = piece;
  }
  if (hash.digest('hex') !== sha256) {
    const message = 'The master copy of this file is damaged; upload it again.';
    throw new GatewayError('internal_error', message, { retry: 'never' });
  }
  if (held !== null) yield held;
}

const drain = async (pieces: AsyncIterable<Buffer>): Promise<void> => {
  for await (const _ of pieces);
};

async function* readAfter(ready: Promise<void>, read: () => AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  await ready;
  yield* read();
}
