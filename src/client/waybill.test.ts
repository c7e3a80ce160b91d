import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import type { FileObject } from '../api/file-object.ts';
import { ClientError } from './client-error.ts';
import { Waybill } from './index.ts';

const servers: Server[] = [];
const clients: Waybill[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

const serve = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener);
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const clientOf = (url: string, token: string | (() => Promise<string>) = 'secret'): Waybill => {
  const client = new Waybill({ url, token });
  clients.push(client);
  return client;
};

const fileWith = (changes: Partial<FileObject>): FileObject => ({
  id: 'file-1',
  object: 'file',
  bytes: 3,
  created_at: 1,
  expires_at: null,
  filename: 'a.txt',
  purpose: 'user_data',
  status: 'uploaded',
  status_details: null,
  sha256: 'ab',
  media_type: 'text/plain',
  deliveries: [],
  ...changes,
});

const delivery = (status: FileObject['deliveries'][number]['status']): FileObject['deliveries'][number] => ({
  provider: 'kimi',
  provider_file_id: null,
  purpose: 'file-extract',
  status,
  reason: 'Named in the request.',
  bytes_sent: 0,
  attempts: 1,
  error: null,
  expires_at: null,
  updated_at: 2,
});

const failureOf = async (action: Promise<unknown>): Promise<ClientError> => {
  const error = await action.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ClientError);
  return error as ClientError;
};

describe('an address', () => {
  it('where nothing listens is named, with how to start a gateway', async () => {
    const url = await serve(() => undefined);
    await new Promise((resolve) => servers.splice(0)[0]?.close(resolve));
    const error = await failureOf(clientOf(url).files.list());
    expect(error.code).toBe('gateway_unreachable');
    expect(error.message).toContain(`${url} (ECONNREFUSED)`);
    expect(error.message).toMatch(/npm start.*npx waybill serve/);
  });

  it('that redirects is not followed, so that the token goes nowhere else', async () => {
    let strangers = 0;
    const elsewhere = await serve((_request, response) => {
      strangers += 1;
      response.end('{}');
    });
    const url = await serve((_request, response) => response.writeHead(307, { location: elsewhere }).end());
    expect(await failureOf(clientOf(url).files.list())).toMatchObject({
      code: 'unexpected_answer',
      httpStatus: 307,
    });
    expect(strangers).toBe(0);
  });

  it.each([
    ['a page', 200, '<html>'],
    ['other JSON', 200, '{"object":"list","data":[{"object":"model"}]}'],
    ['an error page', 502, '<html>Bad Gateway'],
    ['an error of another shape', 400, '{"error":"no"}'],
  ])('that answers with %s is not Waybill', async (_, status, body) => {
    const url = await serve((_request, response) => response.writeHead(status).end(body));
    expect((await failureOf(clientOf(url).files.list())).code).toBe('unexpected_answer');
  });

  it('that hangs up is told apart from one that never answered', async () => {
    const url = await serve((request) => request.socket.destroy());
    expect((await failureOf(clientOf(url).files.list())).code).toBe('connection_lost');
  });

  it('does not show a user that was in it', async () => {
    const url = (await serve((request) => request.socket.destroy())).replace('//', '//anna:geheim@');
    expect((await failureOf(clientOf(url).files.list())).message).not.toMatch(/anna|geheim/);
  });
});

describe('an id', () => {
  it.each(['', '.', '..'])('of "%s" names nothing and asks nothing', async (id) => {
    const client = clientOf('http://127.0.0.1:9');
    expect((await failureOf(client.files.retrieve(id))).code).toBe('not_found');
    expect((await failureOf(client.files.delete(id))).code).toBe('not_found');
  });

  it('stays in its place in the path', async () => {
    let path: string | undefined;
    const url = await serve((request, response) => {
      path = request.url;
      response.end(JSON.stringify(fileWith({})));
    });
    await clientOf(url).files.retrieve('../a?b#c/d');
    expect(path).toBe('/v1/files/..%2Fa%3Fb%23c%2Fd');
  });
});

describe('settling', () => {
  it('asks until every delivery has ended, tells each change, and bears with a broken connection', async () => {
    const answers: ((response: Parameters<RequestListener>[1]) => void)[] = [
      (response) => response.end(JSON.stringify(fileWith({ deliveries: [delivery('pending')] }))),
      (response) => response.end(JSON.stringify(fileWith({ deliveries: [delivery('pending')] }))),
      (response) => response.destroy(),
      (response) =>
        response.end(JSON.stringify(fileWith({ status: 'processed', deliveries: [delivery('completed')] }))),
    ];
    const tokens: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      tokens.push(request.headers.authorization);
      answers.shift()?.(response);
    });
    const changes: string[] = [];
    let count = 0;
    const file = await clientOf(url, async () => `token-${++count}`).settled('file-1', {
      onChange: ({ status }) => changes.push(status),
    });
    expect(file.status).toBe('processed');
    expect(changes).toEqual(['uploaded', 'processed']);
    expect(answers).toEqual([]);
    expect(tokens).toEqual(['Bearer token-1', 'Bearer token-2', 'Bearer token-3', 'Bearer token-4']);
  });

  it('ends with the reason of its signal', async () => {
    const controller = new AbortController();
    const reason = new Error('Enough.');
    const url = await serve((_request, response) =>
      response.end(JSON.stringify(fileWith({ deliveries: [delivery('pending')] }))),
    );
    const settling = clientOf(url).settled('file-1', {
      onChange: () => controller.abort(reason),
      signal: controller.signal,
    });
    await expect(settling).rejects.toBe(reason);
  });
});

describe('a download', () => {
  const bytes = Buffer.from('the bytes');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const serving = (body: Buffer | string): Promise<string> =>
    serve((request, response) =>
      response.end(request.url?.endsWith('/content') ? body : JSON.stringify(fileWith({ bytes: 9, sha256 }))),
    );

  it('gives the bytes of the file', async () => {
    const { body } = await clientOf(await serving(bytes)).files.download('file-1');
    expect(await buffer(body)).toEqual(bytes);
  });

  it.each([
    ['other', 'the bytez'],
    ['fewer', 'the byte'],
    ['more', 'the bytes!'],
  ])('of %s bytes fails at its end', async (_, body) => {
    const download = await clientOf(await serving(body)).files.download('file-1');
    expect((await failureOf(buffer(download.body))).code).toBe('checksum_mismatch');
  });

  it('that breaks off fails', async () => {
    const url = await serve((request, response) => {
      if (!request.url?.endsWith('/content'))
        return void response.end(JSON.stringify(fileWith({ bytes: 9 })));
      response.writeHead(200, { 'content-length': 9 }).write('the');
      setImmediate(() => response.destroy());
    });
    const download = await clientOf(url).files.download('file-1');
    expect((await failureOf(buffer(download.body))).code).toBe('connection_lost');
  });
});
