import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { request } from 'undici';
import type { Emulator, EmulatorOptions } from '../emulator.ts';
import type { StoredFile } from '../file-shelf.ts';
import type { RequestRecord } from '../request-log.ts';

/** A key in GLM's form, good at Kimi too. */
export const API_KEY = 'key-id.key-secret';

/** What `GET /__emulator/state` answers. */
interface EmulatorState {
  readonly files: readonly StoredFile[];
  readonly uploads: readonly Readonly<Record<string, unknown>>[];
  readonly deleted: readonly string[];
  readonly requests: readonly RequestRecord[];
  readonly variants: Readonly<Record<string, unknown>>;
  readonly faults: readonly Readonly<Record<string, unknown>>[];
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly bytes: Buffer;
  /** The body read as JSON; throws where it is none. */
  json<T = Record<string, unknown>>(): T;
}

export interface UploadParts {
  readonly filename?: string;
  readonly text?: string | Buffer;
  readonly purpose?: string | null;
  readonly mediaType?: string;
  /** Sent after the purpose. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Sends the file before the purpose. */
  readonly fileFirst?: boolean;
  /** Name of the file's part. */
  readonly field?: string;
}

/** A client of one emulator, for tests; `close` ends the emulator and removes its directory. */
export interface EmulatorClient {
  readonly emulator: Emulator;
  readonly directory: string;
  api(method: Method, path: string, options?: CallOptions): Promise<Reply>;
  upload(parts?: UploadParts, options?: CallOptions): Promise<Reply>;
  control(method: Method, path: string, body?: unknown): Promise<Reply>;
  /** Queues a fault, and fails when the emulator does not take it. */
  fault(fault: string, parameters?: Readonly<Record<string, unknown>>): Promise<void>;
  state(): Promise<EmulatorState>;
  /** The state as soon as it passes `check`; fails after five seconds. */
  stateWhen(check: (state: EmulatorState) => boolean): Promise<EmulatorState>;
  close(): Promise<void>;
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly signal?: AbortSignal;
  /** Sends the body without Content-Length. */
  readonly chunked?: boolean;
}

const DEADLINE_MS = 5_000;

/** Starts an emulator in a directory of its own and a client for it. The caller closes the client. */
export const startClient = async <O extends Partial<EmulatorOptions>>(
  start: (options: EmulatorOptions & O) => Promise<Emulator>,
  options: O,
): Promise<EmulatorClient> => {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'emulator-')));
  const emulator = await start({ apiKey: API_KEY, ...options, directory });
  const api: EmulatorClient['api'] = (method, path, { headers, ...rest } = {}) =>
    call(`${emulator.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${API_KEY}`, ...headers },
      ...rest,
    });
  const control: EmulatorClient['control'] = (method, path, body) =>
    call(`${emulator.controlUrl}${path}`, {
      method,
      headers: {},
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const state = async (): Promise<EmulatorState> => (await control('GET', '/state')).json<EmulatorState>();
  return {
    emulator,
    directory,
    api,
    control,
    state,
    upload: (parts = {}, { headers, ...rest } = {}) => {
      const form = multipart(parts);
      return api('POST', '/files', { headers: { ...form.headers, ...headers }, body: form.body, ...rest });
    },
    fault: async (fault, parameters = {}) => {
      const reply = await control('POST', '/faults', { fault, ...parameters });
      if (reply.status !== 201) throw new Error(reply.text);
    },
    stateWhen: async (check) => {
      const deadline = Date.now() + DEADLINE_MS;
      for (;;) {
        const now = await state();
        if (check(now)) return now;
        if (Date.now() > deadline) throw new Error(`the state never came: ${JSON.stringify(now.requests)}`);
      }
    },
    close: async () => {
      await emulator.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
};

const BOUNDARY = 'test-boundary-7d1f';

/** A multipart body with the parts of an upload. */
export const multipart = ({
  filename = 'notes.txt',
  text = 'Some words to read.',
  purpose = 'file-extract',
  mediaType = 'text/plain',
  fields = {},
  fileFirst = false,
  field = 'file',
}: UploadParts): { headers: Record<string, string>; body: Buffer } => {
  const head = (disposition: string): string =>
    `--${BOUNDARY}\r\nContent-Disposition: form-data; ${disposition}\r\n`;
  const named = Object.entries({ ...(purpose === null ? {} : { purpose }), ...fields });
  const values = Buffer.from(
    named.map(([name, value]) => `${head(`name="${name}"`)}\r\n${value}\r\n`).join(''),
  );
  const file = Buffer.concat([
    Buffer.from(`${head(`name="${field}"; filename="${filename}"`)}Content-Type: ${mediaType}\r\n\r\n`),
    Buffer.from(text),
    Buffer.from('\r\n'),
  ]);
  const parts = fileFirst ? [file, values] : [values, file];
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
    body: Buffer.concat([...parts, Buffer.from(`--${BOUNDARY}--\r\n`)]),
  };
};

const call = async (
  url: string,
  options: CallOptions & { method: Method; headers: Record<string, string> },
): Promise<Reply> => {
  const { chunked, body: sent, ...rest } = options;
  const { statusCode, headers, body } = await request(url, {
    ...rest,
    ...(sent === undefined ? {} : { body: chunked ? Readable.from([sent]) : sent }),
  });
  const bytes = Buffer.from(await body.arrayBuffer());
  const text = bytes.toString();
  return { status: statusCode, headers, text, bytes, json: <T>() => JSON.parse(text) as T };
};
