import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import fastify, { type FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ErrorCode, errorCatalogue, GatewayError } from '../core/errors.ts';
import { answerBadAddress, answerBrokenRequest, registerErrorHandler } from './error-handler.ts';
import { newRequestId } from './request-id.ts';

const CANARY = 'canary-0c1e';
const codes = Object.keys(errorCatalogue) as ErrorCode[];

let app: FastifyInstance;
let origin: string;
let logged: Record<string, unknown>[];
let thrown: unknown;

beforeEach(async () => {
  logged = [];
  const log = pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) });
  app = fastify({
    genReqId: newRequestId,
    bodyLimit: 100,
    frameworkErrors: answerBadAddress,
    routerOptions: { maxParamLength: 20 },
  });
  registerErrorHandler(app, log);
  app.get('/throw', () => {
    throw thrown;
  });
  app.get('/id/:id', () => ({}));
  const body = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
  app.post('/json', { schema: { body } }, () => ({}));
  origin = await app.listen({ host: '127.0.0.1', port: 0 });
});

afterEach(() => app.close());

interface Envelope {
  readonly error: Readonly<Record<string, unknown>>;
}
const ask = async (path: string, options: RequestInit = {}) => {
  const response = await fetch(`${origin}${path}`, options);
  const { error } = (await response.json()) as Envelope;
  return { status: response.status, headers: response.headers, error };
};
const failWith = (error: unknown, headers: Record<string, string> = {}) => {
  thrown = error;
  return ask('/throw', { headers });
};

describe('an error of ours', () => {
  it.each(codes)('%s is answered in the envelope, with the status of the catalogue', async (code) => {
    const { httpStatus, type } = errorCatalogue[code];
    const { status, headers, error } = await failWith(
      new GatewayError(code, 'What happened.', { param: 'file' }),
    );
    expect(status).toBe(httpStatus);
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(error).toEqual({
      message: 'What happened.',
      type,
      code,
      param: 'file',
      request_id: expect.stringMatching(/^req_[0-9a-f]{24}$/u),
    });
  });

  it('names the file that stayed, and no field when none is at fault', async () => {
    const { error } = await failWith(new GatewayError('provider_rejected', 'No.', { fileId: 'file-1' }));
    expect(error).toMatchObject({ file_id: 'file-1', param: null });
  });

  it.each([
    [{ retryAfterMs: 1_001 }, '2'],
    [{ retryAfterMs: 60_000 }, '60'],
    [{}, '1'],
    [{ retry: 'never' as const }, null],
  ])('says when to come back where that helps: %j', async (options, expected) => {
    const { headers } = await failWith(new GatewayError('provider_unavailable', 'Away.', options));
    expect(headers.get('retry-after')).toBe(expected);
  });

  it('asks for a token, and says so differently when there was one', async () => {
    const error = new GatewayError('invalid_token', 'No.');
    expect((await failWith(error)).headers.get('www-authenticate')).toBe('Bearer realm="waybill"');
    const { headers } = await failWith(error, { authorization: 'Bearer x' });
    expect(headers.get('www-authenticate')).toBe('Bearer realm="waybill", error="invalid_token"');
  });

  it("is logged when it is our fault, with its cause and the id of the request, and not when it is the client's", async () => {
    await failWith(new GatewayError('not_found', 'No.'));
    expect(logged).toEqual([]);
    const { error } = await failWith(new GatewayError('unavailable', 'Away.', { cause: new Error(CANARY) }));
    expect(logged).toMatchObject([
      { event: 'request_failed', code: 'unavailable', request: error.request_id },
    ]);
    expect(JSON.stringify(logged)).toContain(CANARY);
  });
});

describe('an error nobody expected', () => {
  it.each<[string, unknown]>([
    ['an Error', new Error(CANARY)],
    ['an Error with a cause', new Error(CANARY, { cause: new Error(CANARY) })],
    ['a constraint violation', Object.assign(new Error(CANARY), { code: '23505', detail: CANARY })],
    ['an error that asks for a status', Object.assign(new Error(CANARY), { statusCode: 500 })],
    ['a text', CANARY],
    ['an object', { message: CANARY }],
  ])('is answered without a word of it: %s', async (_name, error) => {
    const answer = await failWith(error);
    expect(answer.status).toBe(500);
    expect(answer.error.code).toBe('internal_error');
    expect(JSON.stringify([answer.error, ...answer.headers])).not.toContain(CANARY);
    expect(logged).toMatchObject([{ event: 'request_failed', request: answer.error.request_id }]);
  });

  it.each(['ENOSPC', 'ECONNREFUSED'])(
    'is named where it is a known fault of the system: %s',
    async (code) => {
      const { status, error } = await failWith(Object.assign(new Error(CANARY), { code }));
      expect([507, 503]).toContain(status);
      expect(JSON.stringify(error)).not.toContain(CANARY);
    },
  );

  it('of a plugin that blames the request is not our fault', async () => {
    const { status, error } = await failWith(
      Object.assign(new Error(CANARY), { statusCode: 418, code: 'FST_ERR_OTHER' }),
    );
    expect([status, error.code]).toEqual([400, 'invalid_request']);
    expect(JSON.stringify(error)).not.toContain(CANARY);
  });
});

describe('what the framework refuses', () => {
  const post = (body: string, type = 'application/json') =>
    ask('/json', { method: 'POST', body, headers: { 'content-type': type } });

  it.each([
    ['not JSON', '{', 'application/json', 400, 'invalid_request'],
    ['an empty body', '', 'application/json', 400, 'invalid_request'],
    ['a prototype in the body', '{"__proto__":{"x":1},"n":1}', 'application/json', 400, 'invalid_request'],
    [
      'a body too large',
      JSON.stringify({ n: 1, x: 'x'.repeat(200) }),
      'application/json',
      400,
      'invalid_request',
    ],
    ['another type', '<x/>', 'text/xml', 415, 'unsupported_media_type'],
    ['a body of the wrong shape', '{"n":"many"}', 'application/json', 400, 'invalid_request'],
  ])('%s', async (_name, body, type, status, code) => {
    const answer = await post(body, type);
    expect([answer.status, answer.error.code]).toEqual([status, code]);
    expect(logged).toEqual([]);
  });

  it('names the field that is wrong', async () => {
    expect((await post('{"n":"many"}')).error.param).toBe('n');
  });

  it.each([
    ['/nowhere?token=secret', 404, 'not_found'],
    ['/id/%zz', 400, 'invalid_request'],
    [`/id/${'x'.repeat(21)}`, 404, 'not_found'],
  ])('%s', async (path, status, code) => {
    const answer = await ask(path);
    expect([answer.status, answer.error.code]).toEqual([status, code]);
    expect(JSON.stringify(answer.error)).not.toContain('secret');
  });
});

describe('what is no HTTP', () => {
  const answerTo = async (sent: string): Promise<string> => {
    const server = createServer({
      headersTimeout: 200,
      requestTimeout: 200,
      connectionsCheckingInterval: 50,
    });
    server.on('clientError', answerBrokenRequest);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write(sent);
    const answer = await text(socket);
    server.close();
    return answer;
  };

  it.each([
    ['nonsense', 'nonsense\r\n\r\n', 400, 'invalid_request'],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
      400,
      'invalid_request',
    ],
    [
      'headers without end',
      `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
    ['a request that does not come', 'GET / HTTP/1.1\r\nHost: x\r\n', 408, 'request_timeout'],
  ])('is answered in the envelope and the connection closed: %s', async (_name, sent, status, code) => {
    const [head = '', body = ''] = (await answerTo(sent)).split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `, 'u'));
    expect(head).toContain('Connection: close');
    expect(head).toContain(`Content-Length: ${Buffer.byteLength(body)}`);
    expect(JSON.parse(body).error).toMatchObject({ code, request_id: expect.stringMatching(/^req_/u) });
  });
});
