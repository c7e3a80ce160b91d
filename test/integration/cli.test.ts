/** The command line against a whole gateway: real Postgres, real emulators of the providers, real sockets. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeletedFile } from '../../src/api/deleted-file.ts';
import type { FileList } from '../../src/api/file-list.ts';
import type { FileObject } from '../../src/api/file-object.ts';
import type { ProviderObject } from '../../src/api/provider-object.ts';
import { type Gateway, startGateway } from '../../src/app/gateway.ts';
import { loadConfig } from '../../src/platform/config.ts';
import { createLogger } from '../../src/platform/log.ts';
import { callWaybill, errorIn, type WaybillCall } from '../support/call-waybill.ts';
import { preparePostgres } from '../support/prepared-postgres.ts';
import { randomText } from '../support/random-text.ts';
import { screenOf } from '../support/screen-of.ts';

let home: string;
let gateway: Gateway;
let env: Record<string, string>;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'waybill-cli-'));
  env = {
    DATA_DIR: join(home, 'data'),
    PORT: '0',
    LOG_LEVEL: 'silent',
    XDG_STATE_HOME: join(home, 'state'),
  };
  await preparePostgres(join(home, 'data/postgres'));
  gateway = await startGateway(loadConfig(env), createLogger('silent'));
});

afterAll(async () => {
  await gateway?.close();
  rmSync(home, { recursive: true, force: true });
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for.
const COLOURS = /\u001b\[\d*m/gu;
const GREEN = '\u001b[32m';

const waybill = (args: readonly string[], call: WaybillCall = {}) =>
  callWaybill(args, { ...call, env: { ...env, ...call.env } });

const fileOf = (name: string, content: string | Buffer): string => {
  const path = join(home, name);
  writeFileSync(path, content);
  return path;
};

const uploaded = async (
  name: string,
  content: string | Buffer,
  ...options: string[]
): Promise<FileObject> => {
  const { exitCode, stdout, stderr } = await waybill(['upload', fileOf(name, content), '--json', ...options]);
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  return JSON.parse(stdout);
};

describe('upload', () => {
  it('waits until the file is at every provider asked for, and prints its id first', async () => {
    const args = ['upload', fileOf('a.txt', 'hello'), '--to', 'kimi,glm'];
    const result = /^file-\w{25} {2}processed {2}a\.txt\n$/;
    const quiet = await waybill(args);
    expect(quiet).toMatchObject({ exitCode: 0, stderr: '', stdout: expect.stringMatching(result) });
    const shown = await waybill(args, { isTerminal: true, env: { TERM: 'dumb' } });
    expect(shown).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(result) });
    expect(shown.stderr).toMatch(/^a\.txt {2}5 B received as file-\w{25}\n/);
    expect(shown.stderr).toMatch(/kimi completed as \S+\n/);
    expect(shown.stderr).toMatch(/glm completed as \S+\n/);
    expect(shown.stderr).not.toContain('\u001b');
    const silent = await waybill([...args, '-q'], { isTerminal: true });
    expect(silent).toMatchObject({ exitCode: 0, stderr: '', stdout: expect.stringMatching(result) });
  });

  it('prints the File object for --json, one line a file, and nothing else', async () => {
    const paths = [fileOf('one.txt', '1'), fileOf('two.txt', '22')];
    const { exitCode, stdout, stderr } = await waybill(['upload', ...paths, '--to', 'none', '--json']);
    const files = stdout
      .trim()
      .split('\n')
      .map((line): FileObject => JSON.parse(line));
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(files.map(({ filename, bytes }) => [filename, bytes]).toSorted()).toEqual([
      ['one.txt', 1],
      ['two.txt', 2],
    ]);
    expect(files.every(({ object, deliveries }) => object === 'file' && deliveries.length === 0)).toBe(true);
  });

  it('passes on what the file is for', async () => {
    const file = await uploaded('batch.jsonl', '{}\n', '--purpose', 'batch', '--to', 'kimi');
    expect(file).toMatchObject({ purpose: 'batch', deliveries: [{ provider: 'kimi', purpose: 'batch' }] });
  });

  it('moves a line in a terminal, and takes it away before the result; NO_COLOR leaves out the colours', async () => {
    const path = fileOf('bar.pdf', Buffer.concat([Buffer.from('%PDF-1.7\n'), randomText(3_000_000)]));
    const { stderr } = await waybill(['upload', path, '--to', 'kimi'], { isTerminal: true });
    expect(stderr).toMatch(/bar\.pdf {2}\[=*>? *\] +\d+% {2}.* of 2\.9 MB/);
    expect(stderr).toContain('100%  2.9 MB of 2.9 MB');
    expect(stderr).toContain(GREEN);
    // What is left is lines that stay.
    const left = screenOf(stderr.replace(COLOURS, ''), 80);
    expect(left.pop()).toBe('');
    expect(left[0]).toMatch(/^bar\.pdf {2}2\.9 MB received as /);
    expect(left.slice(1).every((line) => /^bar\.pdf {2}kimi /u.test(line))).toBe(true);
    const plain = await waybill(['upload', path, '--to', 'kimi'], {
      isTerminal: true,
      isOutputTerminal: true,
      env: { NO_COLOR: '1' },
    });
    expect(plain.stdout + plain.stderr).not.toMatch(COLOURS);
  });

  it('sends nothing of a file whose bytes are at the gateway already', async () => {
    const content = randomText(200_000);
    const first = await uploaded('once.bin', content, '--to', 'none');
    const again = await waybill(['upload', fileOf('twice.bin', content), '--to', 'none'], {
      isTerminal: true,
      env: { TERM: 'dumb' },
    });
    expect(again.exitCode).toBe(0);
    expect(again.stderr).toMatch(/^twice\.bin {2}195\.3 KB were here already, now as file-\w{25} too\n/);
    expect(again.stdout).not.toContain(first.id);
  });

  it('reads standard input under a name', async () => {
    const stdin = Readable.from([Buffer.from('from '), Buffer.from('a pipe')]);
    const { exitCode, stdout } = await waybill(['upload', '-', '--filename', 'in.txt', '--json'], { stdin });
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ filename: 'in.txt', bytes: 11 });
    const nameless = await waybill(['upload', '-']);
    expect(nameless).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--filename') });
  });

  it('goes on after a file that fails, says which, and ends with 1', async () => {
    const paths = [join(home, 'missing.txt'), fileOf('empty.txt', ''), fileOf('good.txt', 'good')];
    const { exitCode, stdout, stderr } = await waybill(['upload', ...paths]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^file-\S+ {2}processed {2}good\.txt\n$/);
    expect(stderr).toMatch(/missing\.txt does not exist; check the path\.\n/);
    expect(stderr).toMatch(/empty\.txt: The file is empty.*\(empty_file, req_\w+\)/);
    expect(stderr).toMatch(/^1 uploaded, 2 failed, 4 B in 0:\d\d\n$/m);
    const json = await waybill(['upload', ...paths, '--json']);
    const errors = json.stderr.trim().split('\n').map(errorIn);
    expect(errors).toEqual([
      expect.objectContaining({ code: 'unreadable' }),
      expect.objectContaining({ code: 'empty_file', path: paths[1] }),
    ]);
  });

  it('ends with 1 when every provider refuses the file, which stays', async () => {
    // The emulated Kimi refuses a text of one repeated letter, as the real one does.
    const path = fileOf('repeated.txt', 'a'.repeat(20_000));
    const { exitCode, stdout, stderr } = await waybill(['upload', path, '--to', 'kimi', '--json']);
    expect(exitCode).toBe(1);
    const file: FileObject = JSON.parse(stdout);
    expect(file).toMatchObject({ status: 'error', deliveries: [{ status: 'failed' }] });
    expect(errorIn(stderr)).toMatchObject({ code: 'provider_rejected', file_id: file.id });
  });

  it('says what no provider takes, with the reasons', async () => {
    const { exitCode, stdout, stderr } = await waybill(['upload', fileOf('a.txt', 'a'), '--to', 'claude']);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^waybill: The provider "claude" is not available; configured are kimi, glm\. \(unknown_provider, /,
    );
  });

  it('ends with 130 when it is interrupted, and nothing is kept', async () => {
    const controller = new AbortController();
    const stdin = Readable.from(
      (async function* () {
        yield Buffer.from('the beginning');
        controller.abort(new Error('Interrupted.'));
        await new Promise(() => undefined);
      })(),
    );
    const { exitCode, stdout, stderr } = await waybill(['upload', '-', '--filename', 'half.txt'], {
      stdin,
      interrupted: controller.signal,
    });
    expect([exitCode, stdout]).toEqual([130, '']);
    expect(stderr).toBe('waybill: Interrupted before half.txt was safe at the gateway; send it again.\n');
    const list = await waybill(['files', 'list', '--q', 'half.txt', '--json']);
    expect(JSON.parse(list.stdout).data).toEqual([]);
  });
});

describe('files', () => {
  it('list shows a table, page after page', async () => {
    const first = await uploaded('page-one.txt', '1', '--to', 'none');
    const second = await uploaded('page-two.txt', '2', '--to', 'kimi');
    const page = await waybill(['files', 'list', '--q', 'PAGE-', '--limit', '1']);
    expect(page.stdout).toMatch(/^ID +CREATED +SIZE +STATUS +PURPOSE +COPIES +NAME\n.*\n$/);
    expect(page.stdout).toMatch(
      new RegExp(`${second.id} .* 1 B +processed +user_data +kimi:completed +page-two`),
    );
    expect(page.stderr).toBe(`There are more: go on with --after ${second.id}\n`);
    const next = await waybill([
      'files',
      'list',
      '--q',
      'page-',
      '--limit',
      '1',
      '--after',
      second.id,
      '--json',
    ]);
    const list: FileList = JSON.parse(next.stdout);
    expect(list).toMatchObject({ object: 'list', has_more: false, data: [{ id: first.id }] });
    const ofKimi = await waybill(['files', 'list', '--q', 'page-', '--provider', 'kimi', '--json']);
    expect(JSON.parse(ofKimi.stdout).data.map(({ id }: FileObject) => id)).toEqual([second.id]);
    const none = await waybill(['files', 'list', '--q', 'no such name', '--status', 'error']);
    expect(none).toMatchObject({ exitCode: 0, stdout: '', stderr: 'There are no such files.\n' });
  });

  it('show tells of a file and its copies', async () => {
    const file = await uploaded('show.txt', 'shown', '--to', 'kimi');
    const { stdout } = await waybill(['files', 'show', file.id]);
    expect(stdout).toMatch(new RegExp(`^id +${file.id}$`, 'm'));
    expect(stdout).toMatch(new RegExp(`^sha256 +${file.sha256}$`, 'm'));
    expect(stdout).toMatch(new RegExp(`^kimi +completed as ${file.deliveries[0]?.provider_file_id} `, 'm'));
    expect(JSON.parse((await waybill(['files', 'show', file.id, '--json'])).stdout)).toEqual(file);
  });

  it('content prints the text that a provider extracted, harmless in a terminal', async () => {
    const text = 'first line\n\u001b]0;title\u0007second line\n';
    const file = await uploaded('text.txt', text, '--to', 'kimi,glm');
    expect(await waybill(['files', 'content', file.id])).toMatchObject({ exitCode: 0, stdout: text });
    const shown = await waybill(['files', 'content', file.id, '--from', 'kimi'], { isOutputTerminal: true });
    expect(shown.stdout).toBe('first line\n\ufffd]0;title\ufffdsecond line\n\n');
    const json = await waybill(['files', 'content', file.id, '--json']);
    expect(JSON.parse(json.stdout)).toEqual({ id: file.id, from: 'kimi', content: text });
    const ofGlm = await waybill(['files', 'content', file.id, '--from', 'glm', '--json']);
    expect(ofGlm).toMatchObject({ exitCode: 1, stdout: '' });
    expect(errorIn(ofGlm.stderr)).toMatchObject({ code: 'content_unavailable', http_status: 409 });
  });

  it('content says so where no provider has a text', async () => {
    const file = await uploaded('nowhere.txt', 'text', '--to', 'none');
    const { exitCode, stderr } = await waybill(['files', 'content', file.id]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`waybill files download ${file.id}`);
  });

  it('download saves the bytes, checked, and replaces nothing unasked', async () => {
    const bytes = randomText(1_500_000);
    const file = await uploaded('bytes.bin', bytes, '--to', 'none');
    const target = join(home, 'saved.bin');
    const saved = await waybill(['files', 'download', file.id, '-o', target, '--json']);
    expect(JSON.parse(saved.stdout)).toEqual({
      id: file.id,
      path: target,
      bytes: 1_500_000,
      sha256: file.sha256,
    });
    expect(readFileSync(target).equals(bytes)).toBe(true);

    writeFileSync(target, 'precious');
    const again = await waybill(['files', 'download', file.id, '-o', target]);
    expect(again).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('--force') });
    expect(readFileSync(target, 'utf8')).toBe('precious');
    expect((await waybill(['files', 'download', file.id, '-o', target, '--force'])).exitCode).toBe(0);
    expect(readFileSync(target).equals(bytes)).toBe(true);

    const piped = await waybill(['files', 'download', file.id, '-o', '-']);
    expect(piped.bytes.equals(bytes)).toBe(true);
    const shown = await waybill(['files', 'download', file.id, '-o', '-'], { isOutputTerminal: true });
    expect(shown).toMatchObject({ exitCode: 2, stdout: '' });
  });

  it('rm deletes, and with --wait only ends once the providers have confirmed', async () => {
    const file = await uploaded('gone.txt', 'gone', '--to', 'kimi,glm');
    const removed = await waybill(['files', 'rm', file.id, '--wait', '--json']);
    const deleted: DeletedFile = JSON.parse(removed.stdout);
    expect(deleted).toEqual({ id: file.id, object: 'file', deleted: true, removed_from_providers: true });
    const other = await uploaded('gone-too.txt', 'gone', '--to', 'none');
    const both = await waybill(['files', 'rm', file.id, other.id]);
    expect(both.exitCode).toBe(1);
    expect(both.stdout).toMatch(new RegExp(`^${other.id} {2}deleted`));
    expect(both.stderr).toMatch(/^waybill: There is no file .*\(not_found, req_\w+\)\n$/);
  });
});

describe('the gateway and the token', () => {
  it('are those of this machine unless they are given', async () => {
    const { stdout } = await waybill(['token', 'create', '--sub', 'somebody-else', '--ttl', '5m']);
    const token = stdout.trim();
    await uploaded('mine.txt', 'mine', '--to', 'none');
    const args = ['files', 'list', '--json', '--q', 'mine.txt'];
    expect(JSON.parse((await waybill(args)).stdout).data).toHaveLength(1);
    const given = await waybill(args, { env: { WAYBILL_URL: gateway.url, WAYBILL_TOKEN: token } });
    expect(JSON.parse(given.stdout).data).toEqual([]);
  });

  it('refuse a scope that does not suffice, and a token that is none', async () => {
    const { stdout } = await waybill([
      'token',
      'create',
      '--sub',
      'local',
      '--scope',
      'files:read',
      '--json',
    ]);
    const { token, ...claims } = JSON.parse(stdout);
    expect(claims).toEqual({ sub: 'local', scope: 'files:read', expires_at: expect.any(Number) });
    const path = fileOf('scope.txt', 'x');
    const paths = [path, path];
    const refused = await waybill(['upload', ...paths, '--token', token]);
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
    expect(refused.stderr).toMatch(
      /^waybill: The token lacks the scope files:write\. \(insufficient_scope, \S+\)\n$/,
    );
    const wrong = await waybill(['files', 'list', '--token', 'wrong', '--json']);
    expect(errorIn(wrong.stderr)).toMatchObject({ code: 'invalid_token', http_status: 401 });
  });

  it('say where nothing answers, and how to start one', async () => {
    const { exitCode, stderr } = await waybill([
      'upload',
      fileOf('a.txt', 'a'),
      '--url',
      'http://127.0.0.1:1',
      '--token',
      't',
    ]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/No gateway answers at http:\/\/127\.0\.0\.1:1 .*npm start.*npx waybill serve/);
    const elsewhere = join(home, 'elsewhere');
    const fresh = await waybill(['files', 'list', '--json'], { env: { DATA_DIR: elsewhere, PORT: '1' } });
    expect(errorIn(fresh.stderr)).toMatchObject({ code: 'gateway_unreachable' });
    expect(existsSync(elsewhere)).toBe(false);
  });

  it('keep the token of this machine from an address given by hand', async () => {
    const { exitCode, stderr } = await waybill(['files', 'list', '--url', gateway.url]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/--token or WAYBILL_TOKEN/);
  });
});

describe('serve', () => {
  it('says in one sentence what keeps it from starting', async () => {
    const { exitCode, stdout, stderr } = await waybill(['serve']);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^waybill: The data directory .* is in use .*DATA_DIR.*\n$/);
  });
});

interface Schema {
  readonly properties: object;
}
interface Operation {
  readonly responses: { '200': { content: { 'application/json': { schema: Schema } } } };
}
interface OpenApi {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Schema> };
}

describe('the shapes the client knows', () => {
  // Compared by name, for the schemas of these answers are private to their routes. Every name is checked by the compiler.
  const shapes = {
    list: { object: 1, data: 1, first_id: 1, last_id: 1, has_more: 1 } satisfies Record<keyof FileList, 1>,
    deleted: { id: 1, object: 1, deleted: 1, removed_from_providers: 1 } satisfies Record<
      keyof DeletedFile,
      1
    >,
    provider: {
      id: 1,
      object: 1,
      account: 1,
      emulated: 1,
      limits: 1,
      purposes: 1,
      content: 1,
      used: 1,
      breaker: 1,
      last_activity_at: 1,
    } satisfies Record<keyof ProviderObject, 1>,
  };

  it('are those that the gateway documents', async () => {
    const { paths, components } = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as OpenApi;
    const answerOf = (path: string, method: string) =>
      paths[path]?.[method]?.responses['200'].content['application/json'].schema;
    const names = (schema: Schema | undefined): string[] => Object.keys(schema?.properties ?? {}).toSorted();
    expect(names(answerOf('/v1/files', 'get'))).toEqual(Object.keys(shapes.list).toSorted());
    expect(names(answerOf('/v1/files/{id}', 'delete'))).toEqual(Object.keys(shapes.deleted).toSorted());
    expect(names(components.schemas.Provider)).toEqual(Object.keys(shapes.provider).toSorted());
  });
});
