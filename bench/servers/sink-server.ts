/** A minimal provider: takes files, counts and discards them. Its paths stand for accounts, each with a link of its own. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createPace, type Pace } from '../client/pace.ts';
import { createForm, type SeenFile } from './form-glance.ts';

interface Account {
  readonly files: Map<string, object>;
  readonly stamps: Set<string>;
  bodyBytes: number;
  fileBytes: number;
  uploads: number;
  pace: Pace;
}

const accounts = new Map<string, Account>();
const accountOf = (name: string): Account => {
  const known = accounts.get(name);
  if (known !== undefined) return known;
  const account: Account = {
    files: new Map(),
    stamps: new Set(),
    bodyBytes: 0,
    fileBytes: 0,
    uploads: 0,
    pace: createPace(null),
  };
  accounts.set(name, account);
  return account;
};

let lastId = 0;

const take = async (account: Account, request: IncomingMessage): Promise<object> => {
  const form = createForm(request.headers['content-type'] ?? '');
  await new Promise<void>((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      account.bodyBytes += chunk.length;
      form.take(chunk);
      const waitMs = account.pace.waitAfter(chunk.length);
      if (waitMs < 1) return;
      request.pause();
      setTimeout(() => request.resume(), waitMs);
    });
    request.on('end', resolve);
    request.on('error', reject);
  });
  return record(account, form.seen());
};

const record = (account: Account, { filename, sizeBytes, stamp }: SeenFile): object => {
  lastId += 1;
  const id = `sink-${lastId}`;
  const file = {
    id,
    object: 'file',
    bytes: sizeBytes,
    created_at: Math.floor(Date.now() / 1_000),
    filename,
    purpose: 'file-extract',
    status: 'ok',
  };
  account.files.set(id, file);
  account.stamps.add(stamp);
  account.uploads += 1;
  account.fileBytes += sizeBytes;
  return file;
};

const reset = (account: Account, bytesPerSecond: number | null): void => {
  account.files.clear();
  account.stamps.clear();
  Object.assign(account, { bodyBytes: 0, fileBytes: 0, uploads: 0, pace: createPace(bytesPerSecond) });
};

const counters = (): object =>
  Object.fromEntries(
    [...accounts].map(([name, { bodyBytes, fileBytes, uploads, stamps }]) => [
      name,
      { bodyBytes, fileBytes, uploads, distinct: stamps.size },
    ]),
  );

/** `/<account>/v1/files[/<id>]`, and `/control` to reset with a rate (`?rate=bytes a second`) or to read the counters. */
const answer = async (request: IncomingMessage): Promise<{ status: number; body: object }> => {
  const url = new URL(request.url ?? '/', 'http://sink');
  const [, name = '', , , id] = url.pathname.split('/');
  if (name === 'control') {
    const rate = Number(url.searchParams.get('rate')) || null;
    if (request.method === 'POST')
      for (const account of [...KNOWN, ...accounts.keys()]) reset(accountOf(account), rate);
    return { status: 200, body: counters() };
  }
  const account = accountOf(name);
  if (request.method === 'POST') return { status: 200, body: await take(account, request) };
  if (id === undefined)
    return { status: 200, body: { object: 'list', data: [...account.files.values()], has_more: false } };
  const file = account.files.get(id);
  if (file === undefined)
    return {
      status: 404,
      body: { error: { message: `No such file: ${id}`, type: 'invalid_request_error' } },
    };
  if (request.method === 'DELETE') account.files.delete(id);
  return { status: 200, body: request.method === 'DELETE' ? { id, object: 'file', deleted: true } : file };
};

const KNOWN = ['direct', 'kimi', 'glm'];

const respond = (response: ServerResponse, status: number, body: object): void => {
  const text = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': text.length }).end(text);
};

const server = createServer({ highWaterMark: 2 ** 18 }, (request, response) => {
  answer(request).then(
    ({ status, body }) => respond(response, status, body),
    // The sender went away in the middle; there is nobody to answer and nothing was kept.
    () => response.destroy(),
  );
});
server.requestTimeout = 0;
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
