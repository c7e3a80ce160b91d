import { Readable } from 'node:stream';
import { request } from 'undici';
import type { GatewayProcess } from './start-gateway.ts';

interface TusAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

type Headers = Readonly<Record<string, string>>;
type Body = string | Buffer | AsyncIterable<Buffer> | undefined;

/** A client that sends exactly what it is told, with the headers that every tus request has. */
export interface Tus {
  call(
    method: 'POST' | 'HEAD' | 'PATCH' | 'DELETE' | 'OPTIONS',
    path: string,
    call?: {
      readonly headers?: Headers;
      readonly body?: string | Buffer | AsyncIterable<Buffer> | undefined;
    },
  ): Promise<TusAnswer>;
  /** Begins an upload that is not delivered, and answers with its path. */
  create(lengthBytes: number | null, headers?: Headers): Promise<string>;
  patch(path: string, offsetBytes: number, body?: Body, headers?: Headers): Promise<TusAnswer>;
  /** What `HEAD` says; null when there is no such upload. */
  offset(path: string): Promise<number | null>;
}

export const PIECE_TYPE = 'application/offset+octet-stream';

export const createTus = (
  { url }: Pick<GatewayProcess, 'url'>,
  token: string,
  usual: Headers = { 'tus-resumable': '1.0.0' },
): Tus => {
  const call: Tus['call'] = async (method, path, { headers, body } = {}) => {
    const answer = await request(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...usual, ...headers },
      body: isWhole(body) ? (body ?? null) : Readable.from(body),
    });
    return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
  };
  return {
    call,
    create: async (lengthBytes, headers = {}) => {
      const length =
        lengthBytes === null ? { 'upload-defer-length': '1' } : { 'upload-length': `${lengthBytes}` };
      const metadata = metadataOf({ filename: 'notes.txt', provider: 'none' });
      const answer = await call('POST', '/v1/tus', {
        headers: { ...length, 'upload-metadata': metadata, ...headers },
      });
      if (answer.status !== 201) throw new Error(`Not created: ${answer.status} ${answer.body}`);
      return String(answer.headers.location);
    },
    patch: (path, offsetBytes, body, headers = {}) =>
      call('PATCH', path, {
        headers: { 'content-type': PIECE_TYPE, 'upload-offset': `${offsetBytes}`, ...headers },
        body,
      }),
    offset: async (path) => {
      const { status, headers } = await call('HEAD', path);
      return status === 200 ? Number(headers['upload-offset']) : null;
    },
  };
};

const isWhole = (body: Body): body is string | Buffer | undefined =>
  body === undefined || typeof body === 'string' || Buffer.isBuffer(body);

export const metadataOf = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');
