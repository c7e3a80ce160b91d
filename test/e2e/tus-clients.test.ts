import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import Uppy from '@uppy/core';
import UppyTus from '@uppy/tus';
import * as client from 'tus-js-client';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Api, createApi, type FileObject, sha256 } from '../support/create-api.ts';
import { randomText } from '../support/random-text.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';

const { Upload } = client;
type Upload = client.Upload;
type UploadOptions = client.UploadOptions;
/** Its types leave it out. */
const { FileUrlStorage } = client as unknown as { FileUrlStorage: new (path: string) => client.UrlStorage };

const BYTES = randomText(3_000_000);

let gateway: GatewayProcess;
let api: Api;

beforeAll(async () => {
  gateway = await startGateway();
  api = createApi(gateway);
});

const fileAt = async (url: string | null): Promise<FileObject> => {
  const id = url?.split('/').at(-1);
  return (await api.call('GET', `/v1/files/${id}`)).file();
};

/** Resolves with the finished upload, however it is begun. */
const send = (
  input: Buffer | Readable,
  options: UploadOptions = {},
  begin: (upload: Upload) => Promise<void> | void = (upload) => upload.start(),
): Promise<Upload> =>
  new Promise((resolve, reject) => {
    const upload = new Upload(input, {
      endpoint: `${gateway.url}/v1/tus`,
      headers: { authorization: `Bearer ${gateway.token}` },
      metadata: { filename: 'data.bin', filetype: 'application/x-data', provider: 'none' },
      retryDelays: [0, 100, 500],
      onSuccess: () => resolve(upload),
      onError: reject,
      ...options,
    });
    Promise.resolve(begin(upload)).catch(reject);
  });

describe('tus-js-client', () => {
  it.each<[string, UploadOptions]>([
    ['in one request', {}],
    ['in parts', { chunkSize: 700_000 }],
    ['with the creation', { uploadDataDuringCreation: true }],
    ['with the creation, in parts', { uploadDataDuringCreation: true, chunkSize: 1_000_000 }],
    ['by POST alone', { overridePatchMethod: true, chunkSize: 1_000_000 }],
    ['to an endpoint with a slash', { endpoint: '/' }],
  ])('uploads %s', async (_, options) => {
    const endpoint = `${gateway.url}/v1/tus${options.endpoint ?? ''}`;
    const { url } = await send(BYTES, { ...options, endpoint });
    expect(await fileAt(url)).toMatchObject({
      filename: 'data.bin',
      media_type: 'application/x-data',
      bytes: BYTES.length,
      sha256: sha256(BYTES),
    });
  });

  it.each([4_096, 700_001])('uploads a stream of unknown length in parts of %d', async (chunkSize) => {
    const bytes = BYTES.subarray(0, chunkSize === 4_096 ? 10_000 : BYTES.length);
    const stream = Readable.from(bytes, { objectMode: false });
    const { url } = await send(stream, { chunkSize, uploadLengthDeferred: true });
    expect((await fileAt(url)).sha256).toBe(sha256(bytes));
  });

  it('goes on in another process where it was paused', async () => {
    const path = join(gateway.home, 'paused.bin');
    await writeFile(path, BYTES);
    const options: UploadOptions = {
      chunkSize: 500_000,
      storeFingerprintForResuming: true,
      urlStorage: new FileUrlStorage(join(gateway.home, 'urls.json')),
    };
    const paused = await new Promise<Upload>((resolve, reject) => {
      const upload = new Upload(createReadStream(path), {
        ...options,
        endpoint: `${gateway.url}/v1/tus`,
        headers: { authorization: `Bearer ${gateway.token}` },
        metadata: { filename: 'paused.bin', provider: 'none' },
        onChunkComplete: (_size, accepted) => {
          if (accepted >= 1_000_000) upload.abort().then(() => resolve(upload), reject);
        },
        onSuccess: () => reject(new Error('It was not paused.')),
        onError: reject,
      });
      upload.start();
    });
    let isResumed = false;
    const resumed = await send(
      createReadStream(path),
      {
        ...options,
        onProgress: (sent) => {
          isResumed ||= sent >= 1_000_000 && sent < BYTES.length;
        },
        onAfterResponse: (request, response) => {
          if (request.getMethod() === 'HEAD')
            expect(Number(response.getHeader('Upload-Offset'))).toBeGreaterThanOrEqual(1_000_000);
        },
      },
      async (upload) => {
        const [previous] = await upload.findPreviousUploads();
        if (previous === undefined) throw new Error('Nothing to go on with.');
        upload.resumeFromPreviousUpload(previous);
        upload.start();
      },
    );
    expect(isResumed).toBe(true);
    expect(resumed.url).toBe(paused.url);
    expect((await fileAt(resumed.url)).sha256).toBe(sha256(BYTES));
  });

  it('gives an upload up', async () => {
    const { url } = await send(BYTES.subarray(0, 1_000));
    await Upload.terminate(url ?? '', { headers: { authorization: `Bearer ${gateway.token}` } });
    expect((await api.call('GET', `/v1/files/${url?.split('/').at(-1)}`)).status).toBe(404);
  });
});

describe('Uppy', () => {
  it('uploads', async () => {
    const uppy = new Uppy().use(UppyTus, {
      endpoint: `${gateway.url}/v1/tus`,
      headers: { authorization: `Bearer ${gateway.token}` },
      chunkSize: 1_000_000,
    });
    // In Node its tus-js-client reads buffers where it reads blobs in a browser.
    const data = Object.assign(Buffer.from(BYTES), { size: BYTES.length }) as unknown as Blob;
    uppy.addFile({
      name: 'Bericht über Äpfel.dat',
      type: 'application/x-data',
      data,
      meta: { provider: 'none' },
    });
    const result = await uppy.upload();
    expect(result?.failed).toEqual([]);
    expect(await fileAt(result?.successful?.[0]?.uploadURL ?? null)).toMatchObject({
      filename: 'Bericht über Äpfel.dat',
      media_type: 'application/x-data',
      sha256: sha256(BYTES),
    });
    uppy.destroy();
  });
});
