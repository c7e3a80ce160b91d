import { createHash } from 'node:crypto';
import { FormData, request } from 'undici';
import type { GatewayProcess } from './start-gateway.ts';

interface DeliveryObject {
  readonly provider: string;
  readonly provider_file_id: string | null;
  readonly purpose: string;
  readonly status: string;
  readonly reason: string;
  readonly bytes_sent: number;
  readonly attempts: number;
  readonly error: { readonly code: string; readonly message: string } | null;
}

export interface FileObject {
  readonly id: string;
  readonly bytes: number;
  readonly filename: string;
  readonly purpose: string;
  readonly status: string;
  readonly sha256: string;
  readonly media_type: string;
  readonly expires_at: number | null;
  readonly created_at: number;
  readonly deliveries: readonly DeliveryObject[];
}

export interface ErrorObject {
  readonly message: string;
  readonly type: string;
  readonly code: string;
  readonly param: string | null;
  readonly request_id: string;
  readonly file_id?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
  /** The body as what it is known to be; throws where it is no JSON. */
  json<T>(): T;
  file(): FileObject;
  error(): ErrorObject;
}

interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly body?: Buffer | FormData;
}

interface Upload {
  readonly text?: string;
  readonly filename?: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A plain client of one gateway on behalf of one token; null sends none. */
export interface Api {
  call(
    method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    options?: CallOptions,
  ): Promise<Answer>;
  /** One file as the raw body. */
  upload(upload?: Upload): Promise<Answer>;
}

export const createApi = (
  gateway: Pick<GatewayProcess, 'url' | 'token'>,
  token: string | null = gateway.token,
): Api => {
  const call: Api['call'] = async (method, path, { headers, json, body } = {}) => {
    const answer = await request(`${gateway.url}${path}`, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: json === undefined ? (body ?? null) : JSON.stringify(json),
    });
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    const parse = <T>(): T => JSON.parse(bytes.toString()) as T;
    return {
      status: answer.statusCode,
      headers: answer.headers,
      bytes,
      json: parse,
      file: () => parse<FileObject>(),
      error: () => parse<{ error: ErrorObject }>().error,
    };
  };
  return {
    call,
    upload: ({ text = 'Some words to read.', filename = 'notes.txt', query = '', headers = {} } = {}) =>
      call('PUT', `/v1/files?filename=${encodeURIComponent(filename)}&${query}`, {
        headers,
        body: Buffer.from(text),
      }),
  };
};

/** A form as browsers send it; a `[text, filename]` is a file. */
export const form = (
  ...fields: readonly (readonly [string, string | readonly [string, string]])[]
): FormData => {
  const data = new FormData();
  for (const [name, value] of fields) {
    if (typeof value === 'string') data.append(name, value);
    else data.append(name, new Blob([value[0]]), value[1]);
  }
  return data;
};

export const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');
