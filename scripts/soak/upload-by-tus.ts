import { setTimeout as pause } from 'node:timers/promises';
import { metadataOf, PIECE_TYPE } from '../../test/support/tus.ts';
import type { Answer, Call } from './call.ts';
import type { Ledger } from './ledger.ts';

export interface TusUpload {
  readonly filename: string;
  readonly provider: string;
  readonly bytes: Buffer;
  /** How many, each to the next gateway. */
  readonly pieces: number;
}

export interface TusRoad {
  /** Sends to the gateway that has had the upload so far, or with `other` to the next. */
  send(call: Call, where: 'same' | 'other'): Promise<Answer | null>;
  readonly ledger: Ledger;
}

/** Longer than a gateway that died or was stopped is away, many times over. */
const DEADLINE_MS = 60_000;
/** Less than gateways are stopped for, so that the other one is asked to go on while the first one still has a piece. */
const PATIENCE_MS = 1_500;
const PAUSE_MS = 200;
const TUS = { 'tus-resumable': '1.0.0' };

const offsetOf = ({ headers }: Answer): number => Number(headers['upload-offset']);

/**
 * Uploads in pieces to one gateway after the other. When something goes wrong it asks the next one for the offset, and goes
 * on there from what it is told. Answers with the id, and the last answer: null when the upload was not brought to its end.
 */
export const uploadByTus = async (
  { send, ledger }: TusRoad,
  { filename, provider, bytes, pieces }: TusUpload,
): Promise<{ id: string | null; answer: Answer | null }> => {
  const metadata = metadataOf({ filename, provider });
  const headers = { ...TUS, 'upload-length': `${bytes.length}`, 'upload-metadata': metadata };
  const created = await send({ method: 'POST', path: '/v1/tus', headers }, 'same');
  if (created?.status !== 201) return { id: null, answer: created };
  const path = String(created.headers.location);
  const id = path.split('/').at(-1) ?? null;
  const deadline = performance.now() + DEADLINE_MS;
  let offset = 0;
  let acknowledged = 0;
  let where: 'same' | 'other' = 'same';
  const pieceBytes = Math.ceil(bytes.length / pieces);
  while (performance.now() < deadline) {
    const piece = bytes.subarray(offset, offset - (offset % pieceBytes) + pieceBytes);
    const more = { ...TUS, 'content-type': PIECE_TYPE, 'upload-offset': `${offset}` };
    const sent = await send(
      { method: 'PATCH', path, headers: more, body: piece, patienceMs: PATIENCE_MS },
      where,
    );
    if (sent === null) ledger.note('tus piece without an answer');
    where = sent?.status === 204 ? 'other' : 'same';
    const told = sent?.status === 204 ? sent : await ask(send, path);
    if (sent?.status === 409) ledger.note('tus piece refused for its offset');
    if (told?.status === 404 || told?.status === 410) {
      ledger.violate('tus upload gone', `${filename} ${id}: ${told.status} after ${acknowledged} bytes`);
      return { id, answer: null };
    }
    if (told !== null) offset = offsetOf(told);
    if (offset < acknowledged)
      ledger.violate('tus offset back', `${filename} ${id}: ${offset} after ${acknowledged} bytes`);
    acknowledged = Math.max(acknowledged, offset);
    if (offset === bytes.length) return { id, answer: told };
    if (sent?.status !== 204) await pause(PAUSE_MS);
  }
  ledger.note('tus upload given up');
  return { id, answer: null };
};

/** Null unless the answer tells the offset, or that there is no such upload. */
const ask = async (send: TusRoad['send'], path: string): Promise<Answer | null> => {
  const answer = await send({ method: 'HEAD', path, headers: TUS, patienceMs: PATIENCE_MS }, 'other');
  return answer !== null && [200, 404, 410].includes(answer.status) ? answer : null;
};
