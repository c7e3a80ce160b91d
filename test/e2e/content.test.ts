import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Api, createApi, type FileObject, sha256 } from '../support/create-api.ts';
import { startGateway } from '../support/start-gateway.ts';

const TEXT = 'abcdefghijklmnopqrstuvwxyz';
const ETAG = `"${sha256(TEXT)}"`;

let api: Api;
let file: FileObject;
let path: string;

beforeAll(async () => {
  api = createApi(await startGateway());
  file = (await api.upload({ text: TEXT, filename: 'alphabet.txt', query: 'provider=kimi,glm' })).file();
  path = `/v1/files/${file.id}/content`;
});

describe('the content of a file', () => {
  it('is the bytes that were sent, under a tag that is their hash', async () => {
    const answer = await api.call('GET', path);
    expect(answer.status).toBe(200);
    expect(answer.bytes.toString()).toBe(TEXT);
    expect(answer.headers).toMatchObject({
      etag: ETAG,
      'accept-ranges': 'bytes',
      'content-length': '26',
      'content-type': 'text/plain',
      'content-disposition': expect.stringMatching(/^attachment; filename="?alphabet\.txt"?$/u),
      'x-content-type-options': 'nosniff',
    });
  });

  it('has the same head without a body', async () => {
    const [head, get] = await Promise.all([api.call('HEAD', path), api.call('GET', path)]);
    expect(head.status).toBe(200);
    expect(head.bytes).toHaveLength(0);
    for (const name of ['etag', 'content-length', 'content-type', 'content-disposition', 'last-modified'])
      expect(head.headers[name]).toBe(get.headers[name]);
  });

  it.each([
    ['bytes=0-0', 'a', 'bytes 0-0/26'],
    ['bytes=2-4', 'cde', 'bytes 2-4/26'],
    ['bytes=23-', 'xyz', 'bytes 23-25/26'],
    ['bytes=-2', 'yz', 'bytes 24-25/26'],
    ['bytes=24-99', 'yz', 'bytes 24-25/26'],
    ['bytes=-99', TEXT, 'bytes 0-25/26'],
  ])('in the range %s', async (range, expected, contentRange) => {
    const answer = await api.call('GET', path, { headers: { range } });
    expect(answer.status).toBe(206);
    expect(answer.bytes.toString()).toBe(expected);
    expect(answer.headers).toMatchObject({
      'content-range': contentRange,
      'content-length': String(expected.length),
      etag: ETAG,
    });
  });

  it.each(['bytes=26-', 'bytes=99-100', 'bytes=-0', 'bytes=4-2'])(
    'is refused in the range %s',
    async (range) => {
      const answer = await api.call('GET', path, { headers: { range } });
      expect(answer.status).toBe(416);
      expect(answer.headers['content-range']).toBe('bytes */26');
      expect(answer.error()).toMatchObject({ code: 'range_not_satisfiable', param: 'range' });
    },
  );

  it.each(['lines=1-2', 'bytes', 'bytes=0-1,5-6'])(
    'is whole where the range %s cannot be served as one',
    async (range) => {
      const answer = await api.call('GET', path, { headers: { range } });
      expect(answer.status).toBe(200);
      expect(answer.bytes.toString()).toBe(TEXT);
    },
  );

  it.each([ETAG, `W/${ETAG}`, `"other", ${ETAG}`, '*'])('is not sent again to who has %s', async (tag) => {
    const answer = await api.call('GET', path, { headers: { 'if-none-match': tag } });
    expect(answer.status).toBe(304);
    expect(answer.bytes).toHaveLength(0);
    expect(answer.headers.etag).toBe(ETAG);
  });

  it('goes on where a download stopped, as long as the tag is the same', async () => {
    const range = 'bytes=20-';
    const same = await api.call('GET', path, { headers: { range, 'if-range': ETAG } });
    expect([same.status, same.bytes.toString()]).toEqual([206, 'uvwxyz']);
    const changed = await api.call('GET', path, { headers: { range, 'if-range': '"another"' } });
    expect([changed.status, changed.bytes.toString()]).toEqual([200, TEXT]);
    const stale = await api.call('GET', path, { headers: { range, 'if-none-match': '"another"' } });
    expect(stale.status).toBe(206);
  });
});

describe('the content from a provider', () => {
  it('is the text that Kimi extracted', async () => {
    const answer = await api.call('GET', `${path}?from=kimi`);
    expect(answer.status).toBe(200);
    expect(answer.bytes.toString()).toContain(TEXT);
  });

  it('is not to be had from GLM', async () => {
    const answer = await api.call('GET', `${path}?from=glm`);
    expect(answer.status).toBe(409);
    expect(answer.error()).toMatchObject({ code: 'content_unavailable', type: 'invalid_request_error' });
  });

  it('is not to be had where the file is not, nor from who is not known', async () => {
    const kept = (await api.upload({ query: 'provider=none' })).file();
    const nowhere = await api.call('GET', `/v1/files/${kept.id}/content?from=kimi`);
    expect([nowhere.status, nowhere.error().code]).toEqual([409, 'content_unavailable']);
    const unknown = await api.call('GET', `${path}?from=nobody`);
    expect([unknown.status, unknown.error().code]).toEqual([400, 'unknown_provider']);
  });
});

describe('a file whose bytes are gone from the disk', () => {
  it('says so, and its record and copies go on', async () => {
    const gateway = await startGateway();
    const lonely = createApi(gateway);
    const { id } = (
      await lonely.upload({ text: 'Lost.', filename: 'lost.txt', query: 'provider=kimi' })
    ).file();
    await rm(join(gateway.dataDir, 'blobs', 'kept'), { recursive: true });
    const answer = await lonely.call('GET', `/v1/files/${id}/content`);
    expect([answer.status, answer.error().code]).toEqual([409, 'content_unavailable']);
    expect(gateway.logs().map(({ event }) => event)).toContain('master_copy_missing');
    expect((await lonely.call('GET', `/v1/files/${id}`)).file().deliveries[0]?.status).toBe('completed');
  });
});
