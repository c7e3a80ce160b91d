/** Backup out of a bucket and restore into another, one run of which is killed. */
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { S3Emulator } from '../../emulators/s3.ts';
import { createApi, sha256 } from '../support/create-api.ts';
import { randomText } from '../support/random-text.ts';
import { runWaybill, spawnWaybill } from '../support/run-waybill.ts';
import { makeHome, startGateway } from '../support/start-gateway.ts';
import { startS3 } from '../support/start-s3.ts';

const MIB = 2 ** 20;

const inBucket = (s3: S3Emulator): readonly string[] => [
  ...s3.objects.keys(),
  ...[...s3.uploads.values()].map(({ name }) => `upload of ${name}`),
];

it('a backup of a bucket is restored into another, also after a restore that was killed', async () => {
  const [from, to] = [await startS3(), await startS3()];
  const directory = join(await makeHome(), 'backup');
  const texts = [10, 50_000, 6 * MIB, 11 * MIB].map((size) => randomText(size).toString());
  const gateway = await startGateway({ env: from.env });
  const ids: string[] = [];
  // The last is one that the bucket has twice and the backup once.
  for (const text of [...texts, texts[2] ?? ''])
    ids.push((await createApi(gateway).upload({ text, query: 'provider=none' })).file().id);
  const home = await makeHome();
  const options = (where: string, env: Readonly<Record<string, string>>) => ({
    cwd: where,
    env: { ...env, PORT: '0', DATA_DIR: join(where, 'data') },
  });
  const backup = await runWaybill(['backup', directory, '--json'], options(gateway.home, from.env));
  expect(JSON.parse(backup.stdout)).toMatchObject({ files: 5, contents: { copied: 4 }, damaged: [] });

  const hold = to.emulator.hold('CompleteMultipartUpload', 'blobs/');
  const killed = spawnWaybill(['restore', directory], options(home, to.env));
  const exited = once(killed, 'exit');
  await hold.begun;
  killed.kill('SIGKILL');
  await exited;
  hold.letGo();

  const restored = await runWaybill(['restore', directory, '--json'], options(home, to.env));
  expect([restored.exitCode, JSON.parse(restored.stdout).files]).toEqual([0, 5]);
  expect(inBucket(to.emulator).toSorted()).toEqual(inBucket(from.emulator).toSorted());
  const next = await startGateway({ env: to.env, home });
  for (const [n, id] of ids.entries()) {
    const content = await createApi(next).call('GET', `/v1/files/${id}/content`);
    expect([content.status, sha256(content.bytes)]).toEqual([200, sha256(texts[n] ?? texts[2] ?? '')]);
  }
}, 90_000);
