import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EmulatorClient } from '../../emulators/testing/emulator-client.ts';
import { type FileObject, sha256 } from '../support/create-api.ts';
import { randomText } from '../support/random-text.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { type Providers, startProviders } from '../support/start-providers.ts';
import { unmarked } from '../support/unmarked.ts';

const run = promisify(execFile);
/** Others for each test: what a provider has of an owner already is not sent again. */
let bytes: Buffer;

let providers: Providers;
let gateway: GatewayProcess;
let path: string;

beforeAll(async () => {
  providers = await startProviders();
  gateway = await startGateway({ env: providers.env });
  path = join(gateway.home, 'report.pdf');
});

beforeEach(async () => {
  bytes = Buffer.concat([Buffer.from('%PDF-1.7\n'), randomText(300_000)]);
  await writeFile(path, bytes);
});

const curl = async (...args: readonly string[]): Promise<FileObject> => {
  const { stdout } = await run('curl', ['-sS', '-H', `Authorization: Bearer ${gateway.token}`, ...args]);
  return JSON.parse(stdout);
};

const expectHeld = async (client: EmulatorClient, file: FileObject): Promise<void> => {
  const copy = file.deliveries.find(({ provider }) => provider === client.emulator.name);
  expect(copy).toMatchObject({ status: 'completed', bytes_sent: bytes.length, attempts: 1, error: null });
  const stored = (await client.state()).files.find(({ id }) => id === copy?.provider_file_id);
  expect(stored).toMatchObject({ sha256: sha256(bytes), bytes: bytes.length });
  expect(unmarked(stored?.filename ?? '')).toBe(file.filename);
  const held = await client.control('GET', `/files/${copy?.provider_file_id}/bytes`);
  expect(sha256(held.bytes)).toBe(sha256(bytes));
};

const FORM = '/v1/files';
const RAW = '/v1/files?filename=report.pdf&provider=kimi,glm';
const TO_BOTH = ['-F', 'provider=kimi,glm'];

const UPLOADS: readonly [string, string, (path: string) => readonly string[]][] = [
  ['a form with the options before the file', FORM, (file) => [...TO_BOTH, '-F', `file=@${file}`]],
  ['a form with the options after the file', FORM, (file) => ['-F', `file=@${file}`, ...TO_BOTH]],
  ['a form with the options in the query', `${FORM}?provider=kimi,glm`, (file) => ['-F', `file=@${file}`]],
  [
    'a form after asking to continue',
    FORM,
    (file) => ['-H', 'Expect: 100-continue', ...TO_BOTH, '-F', `file=@${file}`],
  ],
  ['a raw body', RAW, (file) => ['-T', file]],
  ['a raw body of unknown length', RAW, (file) => ['-T', file, '-H', 'Transfer-Encoding: chunked']],
];

describe('curl uploads', () => {
  it.each(UPLOADS)('%s, byte for byte, to both providers and into both tables', async (_, target, args) => {
    const file = await curl(...args(path), `${gateway.url}${target}`);

    expect(file).toMatchObject({ object: 'file', status: 'processed', bytes: bytes.length });
    expect(file).toMatchObject({
      filename: 'report.pdf',
      sha256: sha256(bytes),
      media_type: 'application/pdf',
    });
    await expectHeld(providers.kimi, file);
    await expectHeld(providers.glm, file);
    const rows = await gateway.query(
      `select f.sha256, f.bytes::int, f.owner, u.provider, u.provider_file_id, u.status, u.bytes_sent::int
         from waybill.files f join waybill.provider_file_uploads u on u.file_id = f.id
        where f.id = $1 order by u.provider`,
      [file.id],
    );
    expect(rows).toEqual(
      ['glm', 'kimi'].map((provider) => ({
        sha256: sha256(bytes),
        bytes: bytes.length,
        owner: 'local',
        provider,
        provider_file_id: file.deliveries.find((delivery) => delivery.provider === provider)
          ?.provider_file_id,
        status: 'completed',
        bytes_sent: bytes.length,
      })),
    );
  });
});

describe('the line that serve prints', () => {
  it('works when pasted into a shell, with nothing configured', async () => {
    const unconfigured = await startGateway();
    expect(unconfigured.output()).toContain('emulated');
    const line = unconfigured
      .output()
      .split('\n')
      .find((text) => text.trim().startsWith('curl '));
    expect(line).toBeDefined();
    const { stdout } = await run('bash', ['-c', `${line} -sS`], { cwd: unconfigured.home });

    const file: FileObject = JSON.parse(stdout);
    const readme = await readFile(join(import.meta.dirname, '../../README.md'));
    expect(file).toMatchObject({ status: 'processed', sha256: sha256(readme) });
    expect(file.deliveries.map(({ provider, status }) => `${provider} ${status}`).toSorted()).toEqual([
      'glm completed',
      'kimi completed',
    ]);
  });
});
