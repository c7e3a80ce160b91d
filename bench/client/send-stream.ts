import { once } from 'node:events';
import { type Agent, type IncomingMessage, request } from 'node:http';
import type { FileBytes } from './file-bytes.ts';
import type { Answer } from './judge.ts';
import { createPace, pieceBytesAt, stand } from './pace.ts';
import type { Recipe } from './recipe.ts';

export interface SendStream {
  readonly recipe: Recipe;
  /** Null for a request without a file. */
  readonly file: FileBytes | null;
  readonly fromBytes?: number;
  readonly agent: Agent;
  readonly bytesPerSecond: number | null;
  /** Smaller ones tell more exactly what was taken. Default: by the rate, up to 1 MiB. */
  readonly pieceBytes?: number;
  /** Told how many bytes of the file the operating system has taken. */
  readonly onTaken?: (bytes: number) => void;
}

/** Sends one request in pieces of up to 1 MiB, as fast as they are taken or at a fixed rate, and reads the answer. */
export const sendStream = async (options: SendStream): Promise<Answer> => {
  const { recipe, file, agent } = options;
  const outgoing = request(recipe.url, { method: recipe.method, headers: recipe.headers, agent });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
  });
  // Looked at below, after the body; a server may answer or break before that.
  answered.catch(() => undefined);
  if (file !== null) await writeBody(options, file, outgoing, answered);
  outgoing.end(recipe.tail);
  const answer = await answered;
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString() };
};

const writeBody = async (
  { recipe, fromBytes = 0, bytesPerSecond, pieceBytes = pieceBytesAt(bytesPerSecond), onTaken }: SendStream,
  file: FileBytes,
  outgoing: ReturnType<typeof request>,
  answered: Promise<unknown>,
): Promise<void> => {
  const pace = createPace(bytesPerSecond);
  let isOver = false;
  const over = answered
    .catch(() => undefined)
    .then(() => {
      isOver = true;
    });
  if (recipe.head.length > 0) outgoing.write(recipe.head);
  let offset = fromBytes;
  // An answer before the end of the body refuses the rest of it.
  while (offset < file.sizeBytes && !isOver) {
    const piece = file.read(offset, pieceBytes);
    const taken = (error?: Error | null): void => {
      if (!error) onTaken?.(piece.length);
    };
    if (!outgoing.write(piece, taken))
      await Promise.race([once(outgoing, 'drain').catch(() => undefined), over]);
    offset += piece.length;
    await stand(pace.waitAfter(piece.length));
  }
};
