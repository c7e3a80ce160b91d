import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type EmulatorClient, multipart, type Reply, type UploadParts } from './emulator-client.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The requests of OpenAI's Uploads, for tests; `open` and `part` fail where the others answer a refusal. */
export interface OpenAiUploadsClient {
  /** Announces 9 bytes of text, unless `fields` say otherwise. */
  announce(fields?: Fields): Promise<Reply>;
  /** The id of a new Upload. */
  open(fields?: Fields): Promise<string>;
  sendPart(id: string, text: string | Buffer, parts?: UploadParts): Promise<Reply>;
  /** The id of a new Part. */
  part(id: string, text: string | Buffer): Promise<string>;
  complete(id: string, partIds: readonly string[], more?: Fields): Promise<Reply>;
  cancel(id: string): Promise<Reply>;
  postJson(path: string, body: unknown): Promise<Reply>;
  /** Names of the files in which Parts are. */
  onDisk(): Promise<string[]>;
}

const ANNOUNCED = { filename: 'book.txt', purpose: 'user_data', bytes: 9, mime_type: 'text/plain' };

/** A client for the emulator that `current` answers when it is used. */
export const openAiUploads = (current: () => EmulatorClient): OpenAiUploadsClient => {
  const postJson = (path: string, body: unknown): Promise<Reply> =>
    current().api('POST', path, {
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const announce = (fields: Fields = {}): Promise<Reply> => postJson('/uploads', { ...ANNOUNCED, ...fields });
  const sendPart: OpenAiUploadsClient['sendPart'] = (id, text, parts = {}) => {
    const { headers, body } = multipart({ field: 'data', purpose: null, text, ...parts });
    return current().api('POST', `/uploads/${id}/parts`, { headers, body });
  };
  return {
    announce,
    open: async (fields) => idIn(await announce(fields)),
    sendPart,
    part: async (id, text) => idIn(await sendPart(id, text)),
    complete: (id, ids, more = {}) => postJson(`/uploads/${id}/complete`, { part_ids: ids, ...more }),
    cancel: (id) => current().api('POST', `/uploads/${id}/cancel`),
    postJson,
    onDisk: () => readdir(join(current().directory, 'openai', 'incoming')),
  };
};

const idIn = (reply: Reply): string => {
  if (reply.status !== 200) throw new Error(reply.text);
  return String(reply.json().id);
};
