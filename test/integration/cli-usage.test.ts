/** What the command line says without a gateway of ours: help, wrong calls, the configuration, and servers that mean ill. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { errorIn, callWaybill as waybill } from '../support/call-waybill.ts';

describe('usage', () => {
  it('is shown for waybill alone, help, and each command', async () => {
    const { exitCode, stdout } = await waybill([]);
    expect(exitCode).toBe(0);
    expect(await waybill(['help'])).toMatchObject({ exitCode: 0, stdout });
    expect(await waybill(['--help'])).toMatchObject({ exitCode: 0, stdout });
    const names = [...stdout.matchAll(/^ {2}([a-z]+(?: [a-z]+)?) (?=.* {2}| <)/gmu)].map(
      ([, name = '']) => name,
    );
    expect(names).toEqual(
      expect.arrayContaining(['serve', 'upload', 'files list', 'token create', 'config check']),
    );
    for (const name of names) {
      const help = await waybill([...name.split(' '), '--help']);
      expect(help).toMatchObject({
        exitCode: 0,
        stderr: '',
        stdout: expect.stringContaining(`waybill ${name}`),
      });
      expect(help.stdout).toContain('--json');
      expect(await waybill(['help', ...name.split(' ')])).toMatchObject({ stdout: help.stdout });
    }
  });

  it('tells the version', async () => {
    expect((await waybill(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [['nope'], 'nope', 'waybill --help'],
    [['uplaod', 'a'], 'uplaod', 'did you mean "waybill upload"?'],
    [['files', 'lst'], 'files lst', 'did you mean "waybill files list"?'],
    [['file', 'list'], 'file', 'did you mean "waybill files"?'],
    [['upload', 'a', '--purpos', 'x'], '--purpos', 'did you mean --purpose?'],
    [['upload', 'a', '--parallel', '17'], '--parallel', 'from 1 to 16'],
    [['upload', 'src', '--filename', 'c'], '--filename', 'one file'],
    [['upload', 'a', '-'], '--filename', 'has no name'],
    [['completion', 'tcsh'], 'tcsh', 'bash, zsh, fish'],
    [['completion'], 'completion', '<shell>'],
    [['files', 'nope'], 'files nope', 'waybill files --help'],
    [['--nope'], '--nope', 'waybill --help'],
    [['files', 'list', '--nope'], '--nope', 'waybill files list --help'],
    [['files', 'list', '--limit', '0'], '--limit', '10000'],
    [['files', 'list', '--status', 'x'], '--status', 'processed'],
    [['token', 'create'], '--sub', '--sub local'],
    [['token', 'create', '--sub', 'a b'], '--sub', 'without spaces'],
    [['token', 'create', '--sub', 'a', '--scope', 'root'], '--scope', 'files:read'],
    [['token', 'create', '--sub', 'a', '--ttl', 'soon'], '--ttl', '30d'],
    [['token', 'create', '--sub', 'a', '--ttl', '367d'], '--ttl', '366 days'],
    [['token', 'create', '--sub', 'anonymous'], '--sub', 'without a token'],
    [['upload', 'a', 'b', '--filename', 'c'], '--filename', 'one file'],
    [['toString'], 'toString', 'waybill --help'],
  ])('is refused for %j in one sentence', async (args, what, hint) => {
    const { exitCode, stdout, stderr } = await waybill(args);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^waybill: [^\n]+\.\n$/);
    expect(stderr).toContain(what);
    expect(stderr).toContain(hint);
    const json = await waybill([...args, '--json']);
    expect(errorIn(json.stderr)).toMatchObject({ code: 'usage' });
  });
});

describe('config check', () => {
  it('prints what is in effect, secrets masked', async () => {
    const secrets = {
      KIMI_API_KEY: 'sk-of-kimi',
      JWT_SECRET_KEY: 'xxxx, and what else is hard to guess: 7f3k',
      DATABASE_URL: 'postgres://u:p@h/d',
    };
    const { exitCode, stdout } = await waybill(['config', 'check'], { env: secrets });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^HOST {2,}127\.0\.0\.1$/m);
    expect(stdout).toMatch(/^MAX_FILE_BYTES {2,}8589934592 \(8 GB\)$/m);
    expect(stdout).toMatch(/^KIMI_API_KEY {2,}\[secret\]$/m);
    expect(stdout).toMatch(/^GLM_API_KEY {2,}-$/m);
    expect(stdout).not.toMatch(/sk-of-kimi|xxxx|u:p/);
    const json = await waybill(['config', 'check', '--json'], { env: secrets });
    expect(JSON.parse(json.stdout)).toMatchObject({
      valid: true,
      values: { PORT: 8787, DATABASE_URL: '[secret]', GLM_API_KEY: null },
    });
  });

  it.each([['config', 'check'], ['serve'], ['files', 'list']])(
    'ends with 78 and every problem: %s %s',
    async (...words) => {
      const args = words.filter((word) => typeof word === 'string');
      const bad = { PORT: 'x', KIMI_API_KEY: 'geheim', MAX_FILE_BYTES: '0' };
      const { exitCode, stdout, stderr } = await waybill(args, { env: bad });
      expect([exitCode, stdout]).toEqual([78, '']);
      expect(stderr).toMatch(/^ {2}PORT: got "x", wants a whole number from 0 to 65535$/m);
      expect(stderr).toMatch(/^ {2}MAX_FILE_BYTES: got "0", wants /m);
      expect(stderr).toMatch(/^ {2}KIMI_API_KEY: got \[secret\], wants /m);
      expect(stderr).not.toContain('geheim');
      const json = await waybill([...args, '--json'], { env: bad });
      expect(errorIn(json.stderr)).toMatchObject({
        code: 'invalid_configuration',
        problems: expect.arrayContaining([{ variable: 'PORT', got: '"x"', wants: expect.any(String) }]),
      });
    },
  );
});

describe('a server that means ill', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });

  const HOSTILE = '\u001b[2J\u009b31m\u202egpj.exe\r\n';
  /** What a terminal would obey; the line breaks of the output itself are not meant. */
  const OBEYED = /[^\P{Cc}\n]|\p{Cf}/u;
  const file = {
    id: `file-1${HOSTILE}`,
    object: 'file',
    bytes: 1,
    created_at: 1,
    expires_at: null,
    filename: HOSTILE,
    purpose: HOSTILE,
    status: 'processed',
    status_details: HOSTILE,
    sha256: HOSTILE,
    media_type: HOSTILE,
    deliveries: [
      { provider: HOSTILE, status: 'completed', provider_file_id: HOSTILE, reason: HOSTILE, error: null },
      { provider: 'glm', status: 'failed', reason: HOSTILE, error: { code: HOSTILE, message: HOSTILE } },
    ],
  };
  const error = { message: HOSTILE, type: 't', code: HOSTILE, param: null, request_id: HOSTILE };

  const serve = async (status: number, answer: unknown): Promise<string[]> => {
    const server = createServer((request, response) => {
      request
        .resume()
        .once('end', () => response.writeHead(status, { location: '/v1/tus/x' }).end(JSON.stringify(answer)));
    });
    servers.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return ['--url', `http://127.0.0.1:${(server.address() as AddressInfo).port}`, '--token', 'given'];
  };

  it.each([
    ['files show', ['files', 'show', 'x'], file],
    ['files list', ['files', 'list'], { object: 'list', data: [file], has_more: true, last_id: HOSTILE }],
    ['upload', ['upload', import.meta.filename], file],
    ['files rm', ['files', 'rm', 'x'], { id: HOSTILE, object: 'file', deleted: true }],
  ])('does not get its escape sequences to a terminal by %s', async (_, args, answer) => {
    const target = await serve(200, answer);
    const plain = await waybill([...args, ...target]);
    expect(plain.exitCode).toBe(0);
    expect(plain.stdout).toContain('\ufffd[2J');
    expect(plain.stdout + plain.stderr).not.toMatch(OBEYED);
    const json = await waybill([...args, ...target, '--json']);
    expect(json.stdout).not.toMatch(OBEYED);
    expect(JSON.parse(json.stdout)).toEqual(answer);
  });

  it('does not get them there by an error either', async () => {
    const { exitCode, stderr } = await waybill(['files', 'show', 'x', ...(await serve(400, { error }))]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('\ufffd[2J');
    expect(stderr).not.toMatch(OBEYED);
  });

  it('cannot choose where a download goes', async () => {
    const target = await serve(200, file);
    const { exitCode, stderr } = await waybill(['files', 'download', 'x', ...target]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/-o FILE/);
  });
});
