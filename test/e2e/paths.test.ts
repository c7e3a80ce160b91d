import { execFileSync } from 'node:child_process';
import {
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  realpath,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, createApi, sha256 } from '../support/create-api.ts';
import { expectRefusal } from '../support/expect-refusal.ts';
import { blobSizes } from '../support/look-at-blobs.ts';
import { runWaybill } from '../support/run-waybill.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, makeHome, startGateway } from '../support/start-gateway.ts';
import { type Providers, startProviders } from '../support/start-providers.ts';

const TEXT = 'Some words in a file of the server.';

let base: string;
let root: string;
let home: string;
let providers: Providers;
let gateway: GatewayProcess;
let api: Api;

beforeAll(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'waybill-paths-')));
  root = join(base, 'project');
  for (const name of ['project/sub', 'project-evil']) await mkdir(join(base, name), { recursive: true });
  await writeFile(join(root, 'report.txt'), TEXT);
  await writeFile(join(base, 'project-evil/x.txt'), TEXT);
  await symlink('/etc/passwd', join(root, 'link.txt'));
  execFileSync('mkfifo', [join(root, 'fifo')]);
  await writeFile(join(root, 'sparse.txt'), '');
  await truncate(join(root, 'sparse.txt'), 2 ** 40);
  providers = await startProviders();
  home = await makeHome();
  gateway = await startGateway({
    home,
    env: {
      ...providers.env,
      JWT_SECRET_KEY: JWT_SECRET,
      ALLOWED_PATHS: `${root},${home}`,
      DRIVE_MAPPINGS: `C:/Project=${root},E:=/etc`,
    },
  });
  api = createApi(gateway);
});
afterAll(async () => {
  await gateway?.stop();
  await rm(base, { recursive: true, force: true });
});

const name = (path: unknown, more: object = {}, headers: Readonly<Record<string, string>> = {}) =>
  api.call('POST', '/v1/files', { json: { path, ...more }, headers });

describe('a file that is named by its path', () => {
  it.each([
    ['P05', () => `${root}/report.txt`],
    ['P43', () => 'c:\\project\\sub\\..\\report.txt'],
    ['P43', () => 'C:/Project/report.txt'],
  ])('%s becomes a file, delivered as any other', async (_, path) => {
    const answer = await name(path(), { provider: 'kimi', purpose: 'user_data' });
    expect(answer.status, answer.bytes.toString()).toBe(200);
    const file = answer.file();
    expect(file).toMatchObject({
      filename: 'report.txt',
      media_type: 'text/plain',
      bytes: TEXT.length,
      sha256: sha256(TEXT),
      status: 'processed',
    });
    expect(file.deliveries[0]).toMatchObject({ provider: 'kimi', status: 'completed' });
  });

  it('takes a name, Prefer and Idempotency-Key as other uploads do', async () => {
    const headers = { prefer: 'respond-async', 'idempotency-key': 'path-1' };
    const more = { filename: 'other.txt', provider: 'none' };
    const [first, again] = [
      await name(`${root}/report.txt`, more, headers),
      await name(`${root}/report.txt`, more, headers),
    ];
    expect([first.status, first.file().filename]).toEqual([202, 'other.txt']);
    expect(again.file().id).toBe(first.file().id);
  });

  it('needs the scope to write', async () => {
    const reader = createApi(gateway, await signToken({ sub: 'local', scope: 'files:read' }));
    const { status, bytes } = await reader.call('POST', '/v1/files', {
      json: { path: `${root}/report.txt` },
    });
    expectRefusal({ status, body: bytes.toString() }, [403, 'insufficient_scope']);
  });
});

const REFUSED: readonly (readonly [string, () => unknown, number, string])[] = [
  ['P01', () => `${root}/../../../etc/passwd`, 403, 'path_not_allowed'],
  ['P03', () => join(base, 'project-evil/x.txt'), 403, 'path_not_allowed'],
  ['P08', () => 'report.txt', 400, 'invalid_path'],
  ['P09', () => '~/report.txt', 400, 'invalid_path'],
  ['P10', () => `${root}/*.txt`, 404, 'not_found'],
  ['P11', () => '/etc/passwd', 403, 'path_not_allowed'],
  ['P11', () => '/etc/does-not-exist', 403, 'path_not_allowed'],
  ['P12', () => '/proc/self/environ', 403, 'path_not_allowed'],
  ['P13', () => '/dev/watchdog', 403, 'path_not_allowed'],
  ['P14', () => join(root, 'fifo'), 422, 'not_a_file'],
  ['P15', () => root, 422, 'not_a_file'],
  ['P16', () => join(root, 'link.txt'), 403, 'path_not_allowed'],
  ['P32', () => join(root, 'sparse.txt'), 413, 'file_too_large'],
  ['P34', () => `${root}/a\0b`, 400, 'invalid_path'],
  ['P35', () => `${root}/a\u202eb`, 400, 'invalid_path'],
  ['P36', () => `${root}/\ud800`, 400, 'invalid_path'],
  ['P40', () => `${root}/${'n'.repeat(5_000)}`, 400, 'invalid_path'],
  ...['', '  '].map((path) => ['P41', () => path, 400, 'invalid_path'] as const),
  ...[null, 5, [], {}].map((path) => ['P41', () => path, 400, 'invalid_request'] as const),
  ['P42', () => 'file:///etc/passwd', 400, 'invalid_path'],
  ['P42', () => 'http://169.254.169.254/', 400, 'invalid_path'],
  ['P44', () => 'C:\\Project\\..\\..\\etc\\passwd', 403, 'path_not_allowed'],
  ['P47', () => 'E:\\passwd', 403, 'path_not_allowed'],
  ['P50', () => '\\\\localhost\\c$\\Project\\report.txt', 400, 'invalid_path'],
  ['P55', () => join(home, 'data/gateway-url'), 403, 'path_not_allowed'],
  ['P55', () => join(home, 'data/none'), 403, 'path_not_allowed'],
];

describe('a path that may not be read', () => {
  it.each(REFUSED)('%s is refused and keeps nothing (row %#)', async (_, path, status, code) => {
    const before = await blobSizes(gateway.dataDir);
    const answer = await name(path(), { provider: 'none' });
    expectRefusal({ status: answer.status, body: answer.bytes.toString() }, [status, code]);
    if (status !== 413) expect(answer.error().param).toBe('path');
    expect(await blobSizes(gateway.dataDir)).toEqual(before);
    expect(gateway.hasEnded()).toBe(false);
  });

  it('P11 P16 P55 reads the same whether or not there is something', async () => {
    const outside = REFUSED.filter(([, , , code]) => code === 'path_not_allowed');
    const answers = await Promise.all(outside.map(([, path]) => name(path())));
    const bodies = answers.map((answer) => JSON.stringify({ ...answer.error(), request_id: '' }));
    expect(new Set(bodies).size).toBe(1);
  });

  it('is refused beside a digest', async () => {
    const answer = await name(`${root}/report.txt`, { sha256: sha256(TEXT), bytes: TEXT.length });
    expectRefusal({ status: answer.status, body: answer.bytes.toString() }, [400, 'invalid_request']);
  });

  it('leaves no descriptor open', async () => {
    const links = await readdir(`/proc/${gateway.pid}/fd`);
    const targets = await Promise.all(
      links.map((fd) => readlink(`/proc/${gateway.pid}/fd/${fd}`).catch(() => '')),
    );
    expect(targets.filter((target) => target.startsWith(base) || target.startsWith('/etc/'))).toEqual([]);
  });

  it('shows in the documentation of the API beside the digest', async () => {
    const document = (await api.call('GET', '/openapi.json')).bytes.toString();
    for (const member of ['"path":{', '"sha256":{']) expect(document).toContain(member);
  });
});

describe('the configuration of paths', () => {
  it.each([
    ['ALLOWED_PATHS', '/'],
    ['ALLOWED_PATHS', '.'],
    ['ALLOWED_PATHS', '/mnt/project,'],
    ['ALLOWED_PATHS', '/proc'],
    ['DRIVE_MAPPINGS', 'C:/P=/a,c:\\p=/b'],
  ])('P55 stops the start with %s=%s', async (variable, value) => {
    const cwd = await makeHome();
    const env = { DATA_DIR: join(cwd, 'data'), PORT: '0', [variable]: value };
    const finished = await runWaybill(['serve'], { cwd, env });
    expect(finished.exitCode, finished.stderr).toBe(78);
    expect(finished.stderr).toContain(variable);
  });
});
