import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ErrorCode, errorCatalogue, GatewayError, systemCode, toGatewayError } from './errors.ts';

const codes = Object.keys(errorCatalogue) as ErrorCode[];
const withCode = (code: string, message = 'internal words'): Error =>
  Object.assign(new Error(message), { code });

describe('the error catalogue', () => {
  it.each(codes)('gives %s a status of the kind its type promises', (code) => {
    const { httpStatus, type } = errorCatalogue[code];
    const kinds = {
      authentication_error: [401],
      permission_error: [403],
      not_found_error: [404],
      invalid_request_error: [400, 408, 409, 410, 412, 413, 415, 416, 422, 423, 429, 431, 460],
      provider_error: [422, 502, 503, 507],
      server_error: [500, 503, 507],
    };
    expect(kinds[type]).toContain(httpStatus);
  });

  it('promises no retry of what a client has to change first', () => {
    const waitsOnClient = codes.filter((code) =>
      [401, 403, 404, 413, 415, 422].includes(errorCatalogue[code].httpStatus),
    );
    expect(waitsOnClient.length).toBeGreaterThan(5);
    expect(waitsOnClient.filter((code) => errorCatalogue[code].retry !== 'never')).toEqual([]);
  });

  it('holds no code that nothing raises', () => {
    const root = join(import.meta.dirname, '..');
    const sources = globSync('**/*.ts', { cwd: root })
      .filter((path) => !path.endsWith('.test.ts') && path !== join('core', 'errors.ts'))
      .map((path) => readFileSync(join(root, path), 'utf8'))
      .concat(readFileSync(join(root, 'core/errors.ts'), 'utf8').split('export type ErrorCode')[1] ?? '')
      .join('\n');
    expect(codes.filter((code) => !sources.includes(`'${code}'`))).toEqual([]);
  });
});

describe('GatewayError', () => {
  it('takes status, type and retry from the catalogue', () => {
    const error = new GatewayError('provider_unavailable', 'Kimi is away.', {
      retryAfterMs: 2_000,
      fileId: 'file-1',
    });
    expect(error).toMatchObject({
      name: 'GatewayError',
      message: 'Kimi is away.',
      httpStatus: 503,
      type: 'provider_error',
      retry: 'later',
      retryAfterMs: 2_000,
      fileId: 'file-1',
      param: null,
    });
  });

  it('lets the raiser overrule the retry class and keeps the cause', () => {
    const cause = new Error('why');
    const error = new GatewayError('provider_unavailable', 'A redirect.', { retry: 'never', cause });
    expect(error.retry).toBe('never');
    expect(error.cause).toBe(cause);
  });
});

describe('systemCode', () => {
  it('finds the first code along the causes', () => {
    expect(systemCode(new Error('outer', { cause: withCode('ECONNRESET') }))).toBe('ECONNRESET');
    expect(systemCode(new Error('none'))).toBeNull();
    expect(systemCode('ENOSPC')).toBeNull();
    expect(systemCode(Object.assign(new Error('numeric'), { code: 28 }))).toBeNull();
  });
});

describe('toGatewayError', () => {
  it('leaves a GatewayError as it is', () => {
    const error = new GatewayError('not_found', 'There is no file x.');
    expect(toGatewayError(error)).toBe(error);
  });

  it.each(['ENOSPC', 'EDQUOT', 'EROFS'])('calls %s a full storage', (code) => {
    const error = toGatewayError(withCode(code));
    expect(error).toMatchObject({ code: 'insufficient_storage', httpStatus: 507, retry: 'later' });
  });

  it.each([
    'ECONNREFUSED',
    'ECONNRESET',
    'EPIPE',
    'ETIMEDOUT',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'ENETUNREACH',
    '08006',
    '53300',
    '57P01',
    '57P03',
    '57014',
  ])('calls %s a database that is away', (code) => {
    expect(toGatewayError(withCode(code))).toMatchObject({
      code: 'unavailable',
      httpStatus: 503,
      retry: 'later',
    });
  });

  it.each([
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
    'Client has encountered a connection error and is not queryable',
  ])('calls it a database that is away when the client of Postgres says, without a code: %s', (message) => {
    expect(toGatewayError(new Error(message))).toMatchObject({ code: 'unavailable', httpStatus: 503 });
  });

  it.each([
    ['an error without a code', new Error('select * from secrets')],
    ['a constraint violation', withCode('23505')],
    ['a serialisation failure of ours', withCode('42601')],
    ['a string', 'secret words'],
    ['nothing', undefined],
    [
      'an error that wraps a GatewayError',
      new Error('internal words', { cause: new GatewayError('not_found', 'x') }),
    ],
  ])('makes %s an internal error that says nothing of it', (_name, thrown) => {
    const error = toGatewayError(thrown);
    expect(error).toMatchObject({ code: 'internal_error', httpStatus: 500 });
    expect(error.message).not.toMatch(/secret|select|internal words/u);
    expect(error.cause).toBe(thrown);
  });
});
