/** The client's side of tus 1.0.0 (https://tus.io/protocols/resumable-upload): core, creation, termination. */
import type { Caller } from './caller.ts';
import type { OpenedSource, Piece } from './opened-source.ts';
import { unexpectedAnswer } from './refusal.ts';

export interface Tus {
  /** Begins an upload and answers with its id, which will be the file's. `sizeBytes` null: it is told with the last piece. */
  create(announced: Announced, signal: AbortSignal | undefined): Promise<string>;
  /** The same with the whole file at once. Safe to repeat under the same `onceKey`. */
  createWhole(announced: Announced, piece: Piece, sending: Sending & { onceKey: string }): Promise<string>;
  /** How far the gateway has come; a request that still sends to the upload is ended by it. */
  look(id: string, signal: AbortSignal | undefined): Promise<Standing>;
  /** Sends the bytes from `offset` on, and answers with the new offset. `totalBytes`, unless null, tells the size. */
  append(
    id: string,
    next: { offset: number; piece: Piece; totalBytes: number | null },
    sending: Sending,
  ): Promise<number>;
  /** Gives it up. */
  terminate(id: string, signal: AbortSignal): Promise<void>;
}

interface Announced extends Pick<OpenedSource, 'sizeBytes'> {
  /** Entries without a value are left out. */
  readonly metadata: Readonly<Record<string, string | undefined>>;
}

interface Sending {
  readonly onSent: (sentBytes: number) => void;
  readonly signal: AbortSignal | undefined;
}

interface Standing {
  readonly offset: number;
  /** Null while the gateway has not been told. */
  readonly totalBytes: number | null;
}

const VERSION = { 'tus-resumable': '1.0.0' };
const PIECE = { 'content-type': 'application/offset+octet-stream' };
const ID = /^[\w-]{1,255}$/u;

export const createTus = (caller: Caller): Tus => {
  const create = async (
    { sizeBytes, metadata }: Announced,
    more: Omit<Parameters<Caller['once']>[0], 'method' | 'path'>,
  ): Promise<string> => {
    const length: Record<string, string> =
      sizeBytes === null ? { 'upload-defer-length': '1' } : { 'upload-length': `${sizeBytes}` };
    const headers = { ...VERSION, ...length, 'upload-metadata': encode(metadata), ...more.headers };
    const answer = await caller.once({ ...more, method: 'POST', path: '/v1/tus', headers });
    // Only the id is taken of the address: what is sent there carries the token.
    const id = answer.header('location')?.split('/').at(-1) ?? '';
    if (ID.test(id)) return id;
    throw unexpectedAnswer(caller.base, answer.status);
  };
  return {
    create: (announced, signal) => create(announced, { signal }),
    createWhole: (announced, piece, { onceKey, onSent, signal }) =>
      create(announced, {
        headers: { ...(piece.sizeBytes > 0 && PIECE), 'idempotency-key': onceKey },
        ...bodyOf(piece),
        onSent,
        signal,
      }),
    look: async (id, signal) => {
      // As POST, which the protocol allows for every method: a refusal in answer to HEAD cannot say why.
      const headers = { ...VERSION, 'x-http-method-override': 'HEAD' };
      const answer = await caller.once({ method: 'POST', path: pathOf(id), headers, signal });
      const length = answer.header('upload-length');
      return {
        offset: offsetIn(caller, answer),
        totalBytes: length === null ? null : Number(length),
      };
    },
    append: async (id, { offset, piece, totalBytes }, { onSent, signal }) => {
      const length: Record<string, string> = totalBytes === null ? {} : { 'upload-length': `${totalBytes}` };
      const headers = { ...VERSION, ...PIECE, 'upload-offset': `${offset}`, ...length };
      const call = { headers, ...bodyOf(piece), onSent, signal };
      return offsetIn(caller, await caller.once({ method: 'PATCH', path: pathOf(id), ...call }));
    },
    terminate: async (id, signal) => {
      await caller.once({ method: 'DELETE', path: pathOf(id), headers: VERSION, signal });
    },
  };
};

const pathOf = (id: string): string => `/v1/tus/${id}`;

/** The address of an upload at the gateway at `base`. */
export const addressOf = (base: string, id: string): string => `${base}${pathOf(id)}`;

/** The id in an address that was kept; null unless it is one of the gateway at `base`. */
export const idIn = (base: string, address: string | null): string | null => {
  const prefix = addressOf(base, '');
  const id = address?.startsWith(prefix) ? address.slice(prefix.length) : '';
  return ID.test(id) ? id : null;
};

const bodyOf = ({ sizeBytes, body }: Piece): { body?: Piece['body']; bodyBytes?: number } =>
  sizeBytes === 0 ? {} : { body, bodyBytes: sizeBytes };

const offsetIn = (caller: Caller, answer: Awaited<ReturnType<Caller['once']>>): number => {
  const offset = answer.header('upload-offset');
  if (offset !== null && /^\d{1,16}$/u.test(offset)) return Number(offset);
  throw unexpectedAnswer(caller.base, answer.status);
};

const encode = (metadata: Announced['metadata']): string =>
  Object.entries(metadata)
    .flatMap(([key, value]) => (value === undefined ? [] : `${key} ${base64(value)}`))
    .join(',');

const base64 = (text: string): string => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
