import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type S3Emulator, startS3Emulator } from '../../emulators/s3.ts';

interface S3 {
  readonly emulator: S3Emulator;
  /** Makes a gateway keep its master copies there. */
  readonly env: Readonly<Record<string, string>>;
}

const closing: (() => Promise<void>)[] = [];

// Registered when a test file imports this.
afterAll(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

/** Starts an S3 server in the test's own process, where it can be watched and given faults. It ends with the test file. */
export const startS3 = async (): Promise<S3> => {
  const directory = await mkdtemp(join(tmpdir(), 'waybill-s3-'));
  const emulator = await startS3Emulator({ directory, bucket: 'master-copies', accessKeyId: 'test-key-id' });
  closing.push(async () => {
    await emulator.close();
    await rm(directory, { recursive: true, force: true });
  });
  return {
    emulator,
    env: {
      BLOB_STORE: 's3',
      S3_ENDPOINT: emulator.url,
      S3_BUCKET: 'master-copies',
      S3_ACCESS_KEY_ID: 'test-key-id',
      S3_SECRET_ACCESS_KEY: 'test-secret-access-key',
    },
  };
};
