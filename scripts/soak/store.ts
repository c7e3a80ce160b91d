import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startS3Emulator } from '../../emulators/s3.ts';
import type { Gateway } from './gateways.ts';

export type StoreKind = 'disk' | 's3';

/** Where the gateways keep master copies, seen past them. */
export interface Store {
  /** Makes a gateway use it. */
  readonly env: Readonly<Record<string, string>>;
  /** The blobs there, whole or growing: what to call each, and its key. */
  blobs(gateways: readonly Gateway[]): Promise<readonly { readonly name: string; readonly key: string }[]>;
  close(): Promise<void>;
}

const BUCKET = 'master-copies';
const KEY_ID = 'soak-key-id';

const keyIn = (name: string): string => name.split('/').at(-1) ?? '';

/** What comes after `blobs/` and `growing/`. */
const keyOfObject = (name: string): string => name.split('/')[1] ?? '';

const disk: Store = {
  env: { BLOB_STORE: 'disk' },
  blobs: async (gateways) => {
    const found = await Promise.all(gateways.map(({ dataDir }) => filesIn(join(dataDir, 'blobs'))));
    return found.flat().map((name) => ({ name, key: keyIn(name) }));
  },
  close: async () => undefined,
};

const filesIn = async (directory: string): Promise<string[]> => {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
};

/** A bucket is served by this process; its bytes go to `directory`. The caller closes the store. */
export const openStore = async (kind: StoreKind, directory: string): Promise<Store> => {
  if (kind === 'disk') return disk;
  const emulator = await startS3Emulator({ directory, bucket: BUCKET, accessKeyId: KEY_ID });
  return {
    env: {
      BLOB_STORE: 's3',
      S3_ENDPOINT: emulator.url,
      S3_BUCKET: BUCKET,
      S3_ACCESS_KEY_ID: KEY_ID,
      S3_SECRET_ACCESS_KEY: 'soak-secret-access-key',
    },
    blobs: async () => [
      ...[...emulator.objects.keys()].map((name) => ({ name, key: keyOfObject(name) })),
      ...[...emulator.uploads.values()].map(({ name }) => ({
        name: `upload of ${name}`,
        key: keyOfObject(name),
      })),
    ],
    close: () => emulator.close(),
  };
};
