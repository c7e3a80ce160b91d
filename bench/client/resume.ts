import { createHash } from 'node:crypto';
import { Agent } from 'node:http';
import { type FileBytes, fileBytes } from './file-bytes.ts';
import type { BeginOutcome, Destination, Load, ResumeOutcome } from './job.ts';
import { judge, UnsupportedError } from './judge.ts';
import { patchOf, recipeOf } from './recipe.ts';
import { sendStream } from './send-stream.ts';

/** Of the count of bytes that were taken, the grain. */
const PIECE_BYTES = 2 ** 16;

/**
 * Begins a tus upload and sends until the connection breaks. Rejects when it
 * does not break, and with `UnsupportedError` when there is no such route.
 */
export const begin = async (to: Destination, load: Load): Promise<BeginOutcome> => {
  const { sizeBytes, bytesPerSecond } = load;
  const agent = new Agent({ keepAlive: true });
  try {
    const recipe = recipeOf(to, 'bench-resumed.txt', sizeBytes);
    const created = await sendStream({ recipe, file: null, agent, bytesPerSecond });
    if (created.status === 404 || created.status === 405)
      throw new UnsupportedError('There is no such route.');
    const location = String(created.headers.location ?? '');
    if (created.status !== 201 || location === '')
      throw new Error(`The creation got HTTP ${created.status}.`);
    let sentBytes = 0;
    const onTaken = (bytes: number): void => {
      sentBytes += bytes;
    };
    const patch = patchOf(to, location, 0, sizeBytes);
    const outcome = await sendStream({
      recipe: patch,
      file: whole(load),
      agent,
      bytesPerSecond,
      pieceBytes: PIECE_BYTES,
      onTaken,
    }).catch(() => null);
    if (outcome !== null) throw new Error(`The upload was to be cut off and got HTTP ${outcome.status}.`);
    return { kind: 'begin', location, sentBytes };
  } finally {
    agent.destroy();
  }
};

/** Asks how much of an upload has arrived and sends the rest. */
export const resume = async (to: Destination, load: Load, location: string): Promise<ResumeOutcome> => {
  const { sizeBytes, bytesPerSecond } = load;
  const agent = new Agent({ keepAlive: true });
  const file = whole(load);
  try {
    const headers = { ...to.headers, 'tus-resumable': '1.0.0' };
    const asked = {
      method: 'HEAD',
      url: new URL(location, to.url),
      headers,
      head: Buffer.alloc(0),
      tail: Buffer.alloc(0),
    };
    const state = await sendStream({ recipe: asked, file: null, agent, bytesPerSecond });
    const offsetBytes = Number(state.headers['upload-offset']);
    const answer = { kind: 'resume', offsetBytes, sha256: sha256Of(file) } as const;
    if (!Number.isSafeInteger(offsetBytes)) return { ...answer, failure: `HEAD got HTTP ${state.status}` };
    const recipe = patchOf(to, location, offsetBytes, sizeBytes);
    const sent = await sendStream({ recipe, file, fromBytes: offsetBytes, agent, bytesPerSecond });
    return { ...answer, failure: judge('tus', sent, sizeBytes).failure };
  } finally {
    agent.destroy();
  }
};

const whole = ({ seed, sizeBytes }: Load): FileBytes => fileBytes({ seed, number: 0, sizeBytes });

const sha256Of = (file: FileBytes): string => {
  const hash = createHash('sha256');
  for (let offset = 0; offset < file.sizeBytes; ) {
    const piece = file.read(offset);
    hash.update(piece);
    offset += piece.length;
  }
  return hash.digest('hex');
};
