import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GRANULARITY_BYTES as G, type GeminiClient, startGemini } from './testing/gemini-client.ts';

let gemini: GeminiClient;

beforeEach(async () => {
  gemini = await startGemini();
});
afterEach(() => gemini.close());

describe('the start of an upload', () => {
  it('answers its URL and granularity, and no body', async () => {
    const reply = await gemini.start({ sizeBytes: 3 });
    expect(reply).toMatchObject({ status: 200, text: '' });
    const url = reply.headers['x-goog-upload-url'];
    expect(url).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+\/upload\/v1beta\/files\?upload_id=[\w-]{128}&upload_protocol=resumable$/,
    );
    expect(reply.headers).toMatchObject({
      'x-goog-upload-control-url': url,
      'x-goog-upload-status': 'active',
      'x-goog-upload-chunk-granularity': String(G),
    });
  });

  it('says 8 MiB where nothing else is chosen', async () => {
    await gemini.control('PUT', '/variants', { granularityBytes: 8_388_608 });
    expect((await gemini.start()).headers['x-goog-upload-chunk-granularity']).toBe('8388608');
  });

  it.each([
    [
      'camel case',
      { displayName: 'a.csv', mimeType: 'text/csv' },
      { displayName: 'a.csv', mimeType: 'text/csv' },
    ],
    [
      'snake case',
      { display_name: '报告', mime_type: 'text/csv' },
      { displayName: '报告', mimeType: 'text/csv' },
    ],
    ['no words on it', {}, { mimeType: 'text/plain' }],
    ['a name of its own', { name: 'files/my-file-1' }, { name: 'files/my-file-1' }],
    ['the longest name', { name: `files/${'a'.repeat(40)}` }, { name: `files/${'a'.repeat(40)}` }],
  ])('takes a file described in %s', async (_, file, expected) => {
    const created = await gemini.put('abc', { file });
    expect(created).toMatchObject(expected);
    expect(Object.hasOwn(created, 'displayName')).toBe(Object.hasOwn(expected, 'displayName'));
  });

  it('takes a file without a type for bytes', async () => {
    expect(await gemini.put('abc', { mimeType: null })).toMatchObject({
      mimeType: 'application/octet-stream',
    });
  });

  it.each([
    ['a name with capitals', { file: { name: 'files/My' } }, 'Invalid resource name'],
    ['a name that ends in a dash', { file: { name: 'files/my-' } }, 'Invalid resource name'],
    ['a name that is too long', { file: { name: `files/${'a'.repeat(41)}` } }, 'Invalid resource name'],
    ['a name outside files', { file: { name: 'models/x' } }, 'Invalid resource name'],
    ['a name with a path', { file: { name: 'files/../x' } }, 'Invalid resource name'],
    ['a name that is a number', { file: { name: 7 } }, 'Invalid resource name'],
    ['a long display name', { file: { displayName: 'n'.repeat(513) } }, 'display name'],
    ['a type that is none', { file: { mimeType: 'text' } }, 'MIME type'],
    ['a size that is none', { headers: { 'x-goog-upload-header-content-length': '-1' } }, 'Content-Length'],
    ['more than 2 GB', { sizeBytes: 2 ** 31 + 1 }, 'larger than 2147483648'],
  ])('refuses %s with INVALID_ARGUMENT', async (_, announcing, words) => {
    const reply = await gemini.start(announcing);
    expect(reply.status).toBe(400);
    expect(reply.json()).toMatchObject({
      error: { code: 400, status: 'INVALID_ARGUMENT', message: expect.stringContaining(words) },
    });
    expect(reply.headers).not.toHaveProperty('x-goog-upload-url');
  });

  it.each(['{"file":', '[]', '{"file": 7}', 'x'.repeat(100_000)])(
    'refuses a body like %.9s',
    async (body) => {
      const reply = await gemini.api('POST', '/upload/v1beta/files', {
        headers: { 'x-goog-upload-protocol': 'resumable', 'x-goog-upload-command': 'start' },
        body,
      });
      expect(reply.status).toBe(400);
      expect(reply.text).toContain('Invalid');
    },
  );

  it.each([
    ['another protocol', { 'x-goog-upload-protocol': 'multipart' }],
    ['another command', { 'x-goog-upload-command': 'upload' }],
  ])('is none with %s, in plain text', async (_, headers) => {
    const reply = await gemini.start({ headers });
    expect(reply.status).toBe(400);
    expect(reply.headers['content-type']).toMatch(/^text\/plain/);
    expect(reply.headers).not.toHaveProperty('x-goog-upload-status');
  });
});
