import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type Api, createApi } from '../support/create-api.ts';
import { expectNothingKept, expectRefusal } from '../support/expect-refusal.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';

const BOUNDARY = 'bad-forms-81b2';
const FORM = `multipart/form-data; boundary=${BOUNDARY}`;
const END = `--${BOUNDARY}--\r\n`;

const part = (headers: string, content: string): string =>
  `--${BOUNDARY}\r\n${headers}\r\n\r\n${content}\r\n`;
const field = (name: string, value: string): string =>
  part(`Content-Disposition: form-data; name="${name}"`, value);
const FILE = part('Content-Disposition: form-data; name="file"; filename="a.txt"', 'words');
const expiry = (anchor: string, seconds: string): string =>
  field('expires_after[anchor]', anchor) + field('expires_after[seconds]', seconds);

let gateway: GatewayProcess;
let api: Api;

beforeAll(async () => {
  gateway = await startGateway({ env: { MAX_FILE_BYTES: '100 KB' } });
  api = createApi(gateway);
});
afterEach(() => expectNothingKept(gateway));

const post = (body: string, contentType: string | null = FORM): Promise<Answer> =>
  api.call('POST', '/v1/files', {
    headers: contentType === null ? {} : { 'content-type': contentType },
    body: Buffer.from(body),
  });
const text = ({ status, bytes }: Answer) => ({ status, body: bytes.toString() });

describe('a form is refused', () => {
  it.each([
    ['U01 without a boundary', 'multipart/form-data', FILE + END],
    ['U01 with an empty boundary', 'multipart/form-data; boundary=', FILE + END],
    ['U01 whose boundary never appears', 'multipart/form-data; boundary=another', FILE + END],
    ['U02 that is empty', FORM, ''],
    ['U02 without an end', FORM, FILE],
    ['that ends within a file', FORM, FILE.slice(0, -4)],
    ['that ends within a header', FORM, FILE.slice(0, 40)],
    ['with the file in another field', FORM, FILE.replace('name="file"', 'name="document"') + END],
    ['U04 U07 with two files', FORM, FILE + FILE + END],
    ['U07 with two purposes', FORM, field('purpose', 'batch') + FILE + field('purpose', 'vision') + END],
    [
      'U16 with 2,000 parts',
      FORM,
      Array.from({ length: 2_000 }, (_, n) => field(`f${n}`, 'x')).join('') + FILE + END,
    ],
    ['with a field of 50 KB', FORM, field('purpose', 'x'.repeat(50 * 1_024)) + FILE + END],
  ])('%s', async (_, contentType, body) => {
    const { param } = expectRefusal(text(await post(body, contentType)), [400, 'invalid_multipart']);
    expect(param).toBe(null);
  });

  it.each([
    ['U07 that has no part', END],
    ['that has only fields', field('purpose', 'batch') + END],
    ['whose file is a plain field', field('file', 'words') + END],
  ])('%s, since it has no file', async (_, body) => {
    expect(expectRefusal(text(await post(body)), [400, 'missing_file']).param).toBe('file');
  });

  it.each([
    ['U08 an empty file', FILE.replace('words', '') + END, 'empty_file', 'file'],
    ['U08 a file without a name', FILE.replace('a.txt', '') + END, 'invalid_filename', 'filename'],
    ['U07 an unknown purpose', FILE + field('purpose', 'world peace') + END, 'invalid_purpose', 'purpose'],
    ['an empty purpose', FILE + field('purpose', '') + END, 'invalid_purpose', 'purpose'],
    [
      'a purpose of the prototype',
      FILE + field('purpose', 'constructor') + END,
      'invalid_purpose',
      'purpose',
    ],
    ['an unknown provider', field('provider', 'acme') + FILE + END, 'unknown_provider', 'provider'],
    [
      'an unknown provider among others',
      FILE + field('provider', 'kimi,acme') + END,
      'unknown_provider',
      'provider',
    ],
    ['an empty provider', FILE + field('provider', '') + END, 'unknown_provider', 'provider'],
    [
      'a provider of the prototype',
      FILE + field('provider', '__proto__') + END,
      'unknown_provider',
      'provider',
    ],
    [
      'an expiry that is too short',
      FILE + expiry('created_at', '3599') + END,
      'invalid_request',
      'expires_after',
    ],
    [
      'an expiry that is too long',
      FILE + expiry('created_at', '2592001') + END,
      'invalid_request',
      'expires_after',
    ],
    [
      'an expiry that is no number',
      FILE + expiry('created_at', '1e5') + END,
      'invalid_request',
      'expires_after',
    ],
    [
      'an expiry from another anchor',
      FILE + expiry('last_used', '3600') + END,
      'invalid_request',
      'expires_after',
    ],
    [
      'half an expiry',
      FILE + field('expires_after[seconds]', '3600') + END,
      'invalid_request',
      'expires_after',
    ],
  ])('with %s', async (_, body, code, param) => {
    expect(expectRefusal(text(await post(body)), [400, code]).param).toBe(param);
  });

  it.each(['text/plain', 'application/octet-stream', 'multipart/mixed; boundary=x', null])(
    'U19 of the type %s',
    async (contentType) => {
      expectRefusal(text(await post('{"path":"/etc/passwd"}', contentType)), [415, 'unsupported_media_type']);
    },
  );

  it('with a file that is too large', async () => {
    const large = FILE.replace('words', 'x'.repeat(100 * 1_024 + 1)) + END;
    expect(expectRefusal(text(await post(large)), [413, 'file_too_large']).param).toBe('file');
  });

  it('U16 with a part header of 90 KB, which is not read to its end', async () => {
    const headers = `X-Long: ${'x'.repeat(90 * 1_024)}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"`;
    expectRefusal(text(await post(part(headers, 'words') + END)), [400, 'invalid_multipart']);
    const behind = `Content-Disposition: form-data; name="file"; filename="a.txt"\r\nX-Long: ${'x'.repeat(90 * 1_024)}`;
    expectRefusal(text(await post(part(behind, 'words') + END)), [400, 'invalid_multipart']);
  });

  it('U09 U10 with names of the prototype for fields, as if they were any other', async () => {
    const names = ['__proto__', 'constructor', 'constructor[prototype][purpose]', 'toString', ''];
    const fields = names.map((name) => field(name, 'batch')).join('');
    // The file is empty, so that a request whose odd fields are passed over is refused for that alone.
    expectRefusal(text(await post(fields + FILE.replace('words', '') + END)), [400, 'empty_file']);
    const header = part('Content-Disposition: form-data; name="file"; filename="a.txt"\r\n__proto__: x', '');
    expectRefusal(text(await post(header + END)), [400, 'empty_file']);
  });
});
