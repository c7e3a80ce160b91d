import { createHash, type Hash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { request } from 'undici';
import { beforeAll, describe, expect, it } from 'vitest';
import type { FileObject } from '../support/create-api.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { type Providers, startProviders } from '../support/start-providers.ts';

const MIB = 2 ** 20;
const SIZE_MIB = 300;
const MAX_GROWTH_KIB = 100 * 1_024;
const BOUNDARY = 'flat-memory-5f0c';
const HEAD = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="large.txt"\r\n\r\n`;
const TAIL = `\r\n--${BOUNDARY}--\r\n`;

let providers: Providers;
let gateway: GatewayProcess;

beforeAll(async () => {
  const limits = { maxFileBytes: 2 ** 30, maxTotalBytes: 2 ** 33 };
  providers = await startProviders(limits);
  gateway = await startGateway({
    env: { ...providers.env, KIMI_MAX_FILE_BYTES: '1 GB', GLM_MAX_FILE_BYTES: '1 GB' },
  });
});

let uploads = 0;

/** Text that is never twice the same, made as it is read. */
function* generate(sizeMib: number, hash: Hash): Generator<Buffer> {
  uploads += 1;
  const filler = Buffer.alloc(MIB, 'The quick brown fox jumps over the lazy dog. ');
  for (let index = 0; index < sizeMib; index += 1) {
    const chunk = Buffer.from(filler);
    chunk.write(`${uploads}.${index}`.padStart(16));
    hash.update(chunk);
    yield chunk;
  }
}

function* asForm(chunks: Iterable<Buffer>): Generator<Buffer> {
  yield Buffer.from(HEAD);
  yield* chunks;
  yield Buffer.from(TAIL);
}

type Send = (sizeMib: number, hash: Hash) => Parameters<typeof request>[1] & { path: string };

const asRawBody: Send = (sizeMib, hash) => ({
  path: '/v1/files?filename=large.txt&provider=kimi,glm',
  method: 'PUT',
  headers: { 'content-length': String(sizeMib * MIB) },
  body: Readable.from(generate(sizeMib, hash)),
});

const asMultipart: Send = (sizeMib, hash) => ({
  path: '/v1/files?provider=kimi,glm',
  method: 'POST',
  headers: {
    'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
    'content-length': String(sizeMib * MIB + HEAD.length + TAIL.length),
  },
  body: Readable.from(asForm(generate(sizeMib, hash))),
});

const upload = async (send: Send, sizeMib: number): Promise<{ file: FileObject; sha256: string }> => {
  const hash = createHash('sha256');
  const { path, headers, ...rest } = send(sizeMib, hash);
  const authorization = `Bearer ${gateway.token}`;
  const answer = await request(`${gateway.url}${path}`, { ...rest, headers: { ...headers, authorization } });
  const file = (await answer.body.json()) as FileObject;
  expect(answer.statusCode, JSON.stringify(file)).toBe(200);
  return { file, sha256: hash.digest('hex') };
};

const memoryKib = (field: 'VmHWM' | 'VmRSS'): number => {
  const status = readFileSync(`/proc/${gateway.pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'mu').exec(status)?.[1]);
};

/** https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html: 5 resets the peak to what is in use now. */
const resetPeak = (): number => {
  writeFileSync(`/proc/${gateway.pid}/clear_refs`, '5');
  return memoryKib('VmRSS');
};

describe.skipIf(process.platform !== 'linux')('a file of 300 MB on its way to two providers', () => {
  it.each([
    ['a raw body', asRawBody],
    ['a form', asMultipart],
  ])('as %s arrives byte for byte and takes no memory of its size', async (_, send) => {
    await upload(send, 16);
    const beforeKib = resetPeak();
    const { file, sha256 } = await upload(send, SIZE_MIB);
    const peakKib = memoryKib('VmHWM');

    expect(peakKib).toBeGreaterThan(0);
    expect(peakKib - beforeKib).toBeLessThan(MAX_GROWTH_KIB);
    expect(file).toMatchObject({ bytes: SIZE_MIB * MIB, sha256, status: 'processed' });
    for (const { emulator, state } of [providers.kimi, providers.glm]) {
      const copy = file.deliveries.find(({ provider }) => provider === emulator.name);
      expect(copy).toMatchObject({ status: 'completed', bytes_sent: SIZE_MIB * MIB });
      const held = (await state()).files.find(({ id }) => id === copy?.provider_file_id);
      expect(held?.sha256).toBe(sha256);
    }
  });
});
