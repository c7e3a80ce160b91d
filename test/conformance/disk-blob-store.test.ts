import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openDiskBlobStore } from '../../src/staging/disk-blob-store.ts';
import { describeBlobStore } from './blob-store-suite.ts';
import { directoryStoreStarter, KEY, OTHER_KEY, put, readAll } from './blob-subject.ts';
import { failureOf } from './outcome.ts';
import { words } from './recording-source.ts';

describeBlobStore('the disk blob store', { start: directoryStoreStarter(openDiskBlobStore) });

it('lets nobody else look: files are 0600 and directories 0700', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'blob-modes-'));
  try {
    const store = await openDiskBlobStore(join(parent, 'blobs'));
    await put(store, words(10));
    await put(store, words(10), { key: OTHER_KEY });
    await store.keep(KEY);
    await store.close();
    const entries = await readdir(parent, { recursive: true, withFileTypes: true });
    const modes = await Promise.all(
      entries.map(async (entry) => {
        const { mode } = await stat(join(entry.parentPath, entry.name));
        return `${entry.isFile() ? 'file' : 'directory'} ${(mode & 0o777).toString(8)}`;
      }),
    );
    expect(new Set(modes)).toEqual(new Set(['file 600', 'directory 700']));
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
});

it('follows no link that was planted where a blob belongs', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'blob-links-'));
  try {
    const secret = join(parent, 'secret');
    await writeFile(secret, 'not a blob');
    await mkdir(join(parent, 'blobs', 'incoming'), { recursive: true });
    const plant = (key: string): Promise<void> => symlink(secret, join(parent, 'blobs', 'incoming', key));
    await plant(KEY);
    const store = await openDiskBlobStore(join(parent, 'blobs'));
    const writer = await store.create(OTHER_KEY);
    await plant(OTHER_KEY);
    await writer.write(words(10));
    await failureOf(writer.commit());
    await writer.abort();
    for (const call of [() => readAll(store), () => store.resume(KEY), () => store.create(KEY)])
      await failureOf(call());
    await store.remove(KEY);
    expect(await readFile(secret, 'utf8')).toBe('not a blob');
    await store.close();
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
});
