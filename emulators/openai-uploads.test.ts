import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startOpenAiEmulator } from './openai.ts';
import { type EmulatorClient, startClient } from './testing/emulator-client.ts';
import { openAiUploads } from './testing/openai-uploads-client.ts';

let openai: EmulatorClient;

beforeEach(async () => {
  openai = await startClient(startOpenAiEmulator, {});
});
afterEach(() => openai.close());

const restart = async (options: Partial<Parameters<typeof startOpenAiEmulator>[0]>): Promise<void> => {
  await openai.close();
  openai = await startClient(startOpenAiEmulator, options);
};
const { announce, open, sendPart, part, complete, postJson, onDisk } = openAiUploads(() => openai);

describe('a new Upload', () => {
  it('is pending for an hour', async () => {
    const reply = await announce();
    const { id, created_at, ...rest } = reply.json();
    expect(reply.status).toBe(200);
    expect(id).toMatch(/^upload_[0-9a-f]{40}$/);
    expect(rest).toEqual({
      object: 'upload',
      bytes: 9,
      filename: 'book.txt',
      purpose: 'user_data',
      status: 'pending',
      expires_at: Number(created_at) + 3_600,
    });
    expect((await openai.state()).uploads).toEqual([
      {
        id,
        filename: 'book.txt',
        purpose: 'user_data',
        bytes: 9,
        mimeType: 'text/plain',
        lifetimeSeconds: null,
        status: 'pending',
        receivedBytes: 0,
        parts: [],
        fileId: null,
        createdAt: created_at,
        expiresAt: rest.expires_at,
      },
    ]);
  });

  it.each([
    ['the largest', { bytes: 8 * 2 ** 30 }],
    [
      'the largest batch',
      { bytes: 200 * 2 ** 20, purpose: 'batch', filename: 'a.jsonl', mime_type: 'text/jsonl' },
    ],
    ['a training file', { purpose: 'fine-tune', filename: 'a.jsonl', mime_type: 'application/x-ndjson' }],
    ['an image', { purpose: 'vision', filename: 'a.png', mime_type: 'image/png' }],
  ])('may be %s', async (_, fields) => {
    expect((await announce(fields)).status).toBe(200);
  });

  it.each([
    ['without a name', { filename: undefined }, 'filename', 'missing_required_parameter'],
    ['without a purpose', { purpose: '' }, 'purpose', 'missing_required_parameter'],
    ['without a type', { mime_type: undefined }, 'mime_type', 'missing_required_parameter'],
    ['without a size', { bytes: undefined }, 'bytes', 'missing_required_parameter'],
    ['with a number for a name', { filename: 7 }, 'filename', 'invalid_type'],
    ['with a size in words', { bytes: '9' }, 'bytes', 'invalid_type'],
    ['of half a byte', { bytes: 0.5 }, 'bytes', 'invalid_type'],
    ['of nothing', { bytes: 0 }, 'bytes', 'integer_below_min_value'],
    ['of more than 8 GB', { bytes: 8 * 2 ** 30 + 1 }, 'bytes', 'integer_above_max_value'],
    ['for an output purpose', { purpose: 'batch_output' }, 'purpose', null],
    ['of a batch that is not jsonl', { purpose: 'batch' }, null, null],
    [
      'of a batch above 200 MB',
      { purpose: 'batch', filename: 'a.jsonl', mime_type: 'text/jsonl', bytes: 200 * 2 ** 20 + 1 },
      null,
      null,
    ],
    ['of a type for no such purpose', { purpose: 'vision' }, 'mime_type', 'invalid_value'],
    ['of a type that is none', { mime_type: 'text' }, 'mime_type', 'invalid_value'],
    [
      'with half an expiry',
      { expires_after: { anchor: 'created_at' } },
      'expires_after.seconds',
      'missing_required_parameter',
    ],
    ['with the other half', { expires_after: {} }, 'expires_after.anchor', 'missing_required_parameter'],
    [
      'with a short life',
      { expires_after: { anchor: 'created_at', seconds: 1 } },
      'expires_after.seconds',
      'integer_below_min_value',
    ],
    ['with an expiry in words', { expires_after: 'soon' }, 'expires_after', 'invalid_type'],
  ])('is refused %s', async (_, fields, param, code) => {
    const reply = await announce(fields);
    expect(reply.status).toBe(400);
    expect(reply.json()).toMatchObject({ error: { type: 'invalid_request_error', param, code } });
    expect((await openai.state()).uploads).toEqual([]);
  });

  it.each(['', '[]', '{"filename":'])('is refused as %j', async (body) => {
    expect((await postJson('/uploads', body)).status).toBe(400);
  });

  it('takes any type where types are not checked', async () => {
    await openai.control('PUT', '/variants', { mimeTypes: 'any' });
    expect((await announce({ purpose: 'vision' })).status).toBe(200);
  });
});

describe('the Parts of an Upload', () => {
  it('come in parallel and become a file in the order asked for, without those not named', async () => {
    const id = await open();
    const [c, orphan, a, b] = await Promise.all(['ghi', 'def', 'abc', 'def'].map((text) => part(id, text)));
    expect(a).toMatch(/^part_[0-9a-f]{40}$/);
    const [underWay] = (await openai.state()).uploads;
    expect(underWay).toMatchObject({ status: 'pending', receivedBytes: 12 });
    expect(underWay?.parts).toHaveLength(4);
    expect(underWay?.parts).toContainEqual({
      id: a,
      bytes: 3,
      sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      createdAt: expect.any(Number),
    });
    expect(await onDisk()).toHaveLength(4);

    const reply = await complete(id, [a ?? '', b ?? '', c ?? '']);
    expect(reply.status).toBe(200);
    expect(reply.json()).toMatchObject({ id, object: 'upload', status: 'completed', bytes: 9 });
    const { file } = reply.json<{ file: Record<string, unknown> }>();
    expect(file).toMatchObject({
      object: 'file',
      bytes: 9,
      filename: 'book.txt',
      purpose: 'user_data',
      expires_at: null,
    });
    expect((await openai.control('GET', `/files/${file.id}/bytes`)).text).toBe('abcdefghi');
    expect((await openai.api('GET', `/files/${file.id}`)).json()).toEqual(file);
    const { files, uploads } = await openai.state();
    expect(files).toMatchObject([
      {
        id: file.id,
        mediaType: 'text/plain',
        sha256: createHash('sha256').update('abcdefghi').digest('hex'),
      },
    ]);
    expect(uploads).toMatchObject([{ status: 'completed', fileId: file.id, parts: [] }]);
    expect(orphan).not.toBe(b);
    expect(await onDisk()).toEqual([]);
  });

  it('are answered with their Upload and time', async () => {
    const id = await open();
    expect((await sendPart(id, 'abc')).json()).toEqual({
      id: expect.stringMatching(/^part_/),
      object: 'upload.part',
      created_at: expect.any(Number),
      upload_id: id,
    });
  });

  it('may have 64 MB each, and no byte more', async () => {
    const id = await open({ bytes: 2 ** 27 });
    expect((await sendPart(id, Buffer.alloc(2 ** 26))).status).toBe(200);
    const refused = await sendPart(id, Buffer.alloc(2 ** 26 + 1));
    expect(refused.status).toBe(413);
    expect(refused.json()).toMatchObject({ error: { param: 'data' } });
    expect((await openai.state()).uploads).toMatchObject([{ receivedBytes: 2 ** 26 }]);
    expect(await onDisk()).toHaveLength(1);
  });

  it('are refused at the limit with 400 where the variant says so, and beyond the size of any Upload', async () => {
    await restart({ limits: { maxPartBytes: 4, maxUploadBytes: 10 }, variants: { tooLarge: '400' } });
    const id = await open();
    expect((await sendPart(id, '12345')).status).toBe(400);
    for (const text of ['1234', '1234']) expect((await sendPart(id, text)).status).toBe(200);
    expect((await sendPart(id, '123')).text).toContain('at most 10 bytes');
    expect((await sendPart(id, '12')).status).toBe(200);
  });

  it.each([
    ['under the name of a file', { field: 'file' }, "'data' is a required property"],
    ['empty', { text: '' }, 'The Part is empty.'],
  ])('are refused %s', async (_, parts, message) => {
    const id = await open();
    const reply = await sendPart(id, 'abc', parts);
    expect(reply.status).toBe(400);
    expect(reply.json()).toMatchObject({ error: { message, param: 'data' } });
    expect(await onDisk()).toEqual([]);
  });

  it('are refused outside of a form', async () => {
    const id = await open();
    const reply = await openai.api('POST', `/uploads/${id}/parts`, { body: 'abc' });
    expect(reply.status).toBe(400);
    expect(reply.text).toContain('multipart/form-data');
  });
});

describe('the file of an Upload', () => {
  const completed = async (fields: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> => {
    const id = await open(fields);
    const ids = [await part(id, 'abc'), await part(id, 'defghi')];
    return (await complete(id, ids)).json<{ file: Record<string, unknown> }>().file;
  };
  const JSONL = { filename: 'a.jsonl', mime_type: 'text/jsonl' };

  it.each([
    ['as asked for', { expires_after: { anchor: 'created_at', seconds: 3_600 } }, 3_600],
    ['after 30 days for a batch', { ...JSONL, purpose: 'batch' }, 2_592_000],
  ])('expires %s', async (_, fields, lifetime) => {
    const { created_at, expires_at } = await completed(fields);
    expect(Number(expires_at) - Number(created_at)).toBe(lifetime);
  });

  it('may be without its size in the answer that completes it, and nowhere else', async () => {
    await restart({ variants: { completedFileBytes: 'null' } });
    const file = await completed({});
    expect(file.bytes).toBeNull();
    expect((await openai.api('GET', `/files/${file.id}`)).json()).toEqual({ ...file, bytes: 9 });
  });

  it('is processed like any other', async () => {
    await restart({ variants: { uploadedRetrieves: 1, processingEnds: 'error' } });
    const { id, status } = await completed({});
    const later = [await openai.api('GET', `/files/${id}`), await openai.api('GET', `/files/${id}`)];
    expect([status, ...later.map((reply) => reply.json().status)]).toEqual(['uploaded', 'uploaded', 'error']);
  });

  it('survives a restart, unlike an Upload under way', async () => {
    const { id } = await completed({});
    const upload = await open();
    await part(upload, 'abc');
    await openai.emulator.close();
    const options: Partial<Parameters<typeof startOpenAiEmulator>[0]> = { directory: openai.directory };
    const again = await startClient(startOpenAiEmulator, options);
    expect((await again.api('GET', `/files/${id}`)).status).toBe(200);
    expect((await again.api('POST', `/uploads/${upload}/cancel`)).status).toBe(404);
    expect(await onDisk()).toEqual([]);
    await again.emulator.close();
  });
});
