import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { randomText } from '../support/random-text.ts';
import { readGuide } from '../support/read-guide.ts';
import { makeHome } from '../support/start-gateway.ts';

const run = promisify(execFile);

const ROOT = join(import.meta.dirname, '../..');
/** A program that does not end by itself is ended, and its test fails. */
const DEADLINE_MS = 50_000;

let home: string;

beforeAll(async () => {
  home = await makeHome();
  const directory = join(home, 'node_modules/waybill');
  await mkdir(directory, { recursive: true });
  const exports = { '.': './index.js', './client': './client.js' };
  await writeFile(
    join(directory, 'package.json'),
    JSON.stringify({ name: 'waybill', type: 'module', exports }),
  );
  for (const [name, source] of [
    ['index.js', 'src/index.ts'],
    ['client.js', 'src/client/index.ts'],
  ] as const) {
    const url = pathToFileURL(join(ROOT, source)).href;
    await writeFile(join(directory, name), `export * from ${JSON.stringify(url)};\n`);
  }
});

/** Runs a program to its own end, and answers with what it has printed. */
const runProgram = async (
  source: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ stdout: string; stderr: string }> => {
  const path = join(home, 'program.mjs');
  await writeFile(path, source);
  return run(process.execPath, [path], {
    cwd: home,
    env: { PATH: process.env.PATH, ...env },
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL',
  });
};

describe('createGateway', () => {
  it('runs a gateway in a program, which ends by itself once it is closed', async () => {
    const size = 5_000_000;
    await writeFile(join(home, 'large.txt'), randomText(size));
    const { stdout, stderr } = await runProgram(
      `
      import { createHash } from 'node:crypto';
      import { readFile } from 'node:fs/promises';
      import { createGateway, GatewayError } from 'waybill';
      import { Waybill } from 'waybill/client';
      const listeners = () => ['SIGINT', 'SIGTERM', 'uncaughtException', 'unhandledRejection', 'exit'].map((name) => process.listenerCount(name));
      const before = listeners();
      const entries = [];
      const gateway = await createGateway({ settings: { PORT: 0, DATA_DIR: 'one' }, onLog: (entry) => entries.push(entry) });
      const during = listeners();
      const waybill = new Waybill({ url: gateway.url, token: () => gateway.createToken({ sub: 'alice' }) });
      const { id } = await waybill.upload('large.txt');
      const file = await waybill.settled(id);
      const admin = new Waybill({ url: gateway.url, token: await gateway.createToken({ sub: 'root', scopes: ['admin'] }) });
      const refused = await gateway.createToken({ sub: 'not a subject' }).catch((error) => error);
      console.log(JSON.stringify({
        emulated: gateway.emulated,
        bytes: file.bytes,
        status: file.status,
        isSame: file.sha256 === createHash('sha256').update(await readFile('large.txt')).digest('hex'),
        used: (await admin.quota({ sub: 'alice' })).files.used,
        refused: [refused instanceof GatewayError, refused.code],
        signals: during.slice(0, 4),
        ready: entries.find(({ event }) => event === 'ready')?.url === gateway.url,
      }));
      await Promise.all([waybill.close(), admin.close()]);
      await Promise.all([gateway.close(), gateway.close()]);
      console.log(JSON.stringify({ isAsBefore: String(listeners()) === String(before) }));
      `,
      // Read by a gateway that had an eye on its environment.
      { PORT: 'none', DATA_DIR: '/nowhere', KIMI_API_KEY: 'no' },
    );
    expect(stderr).toBe('');
    const [running, closed] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(running).toEqual({
      emulated: true,
      bytes: size,
      status: 'processed',
      isSame: true,
      used: 1,
      refused: [true, 'invalid_token'],
      signals: [0, 0, 0, 0],
      ready: true,
    });
    expect(closed).toEqual({ isAsBefore: true });
  });

  it('rejects with what can be mended, and leaves nothing running', async () => {
    const { stdout, stderr } = await runProgram(`
      import { createServer } from 'node:net';
      import { once } from 'node:events';
      import { ConfigError, createGateway, StartupError } from 'waybill';
      const failed = (settings) => createGateway({ settings }).then(() => null, (error) => error);
      const taken = createServer().listen(0, '127.0.0.1');
      await once(taken, 'listening');
      const config = await failed({ PORT: 'many', RETENTION: 1, JWT_SECRET_KEY: 'short' });
      const port = await failed({ PORT: taken.address().port, DATA_DIR: 'two' });
      taken.close();
      const gateway = await createGateway({ settings: { PORT: 0, DATA_DIR: 'two' } });
      const directory = await failed({ PORT: 0, DATA_DIR: 'two' });
      console.log(JSON.stringify([
        [config instanceof ConfigError, config.problems.map(({ variable, got }) => [variable, got])],
        [port instanceof StartupError, port.message],
        [directory instanceof StartupError, directory.message],
      ]));
      await gateway.close();
    `);
    expect(stderr).toBe('');
    const [config, port, directory] = JSON.parse(stdout);
    expect(config).toEqual([
      true,
      [
        ['PORT', '"many"'],
        ['JWT_SECRET_KEY', '[secret]'],
      ],
    ]);
    expect(port).toEqual([true, expect.stringMatching(/^127\.0\.0\.1:\d+ is in use; set HOST or PORT/u)]);
    expect(directory).toEqual([true, expect.stringMatching(/is in use by another Waybill process/u)]);
  });
});

describe('docs/embedding.md', () => {
  const blocks = readGuide('../embedding.md');
  const programs = blocks.flatMap((block, index) =>
    block.language === 'js' ? [{ line: block.line, source: block.text, shown: blocks[index + 1]?.text }] : [],
  );

  it('has programs', () => {
    expect(programs.length).toBeGreaterThan(1);
  });

  it.each(programs)('line $line prints what it says', async ({ source, shown }) => {
    await writeFile(join(home, 'report.txt'), 'Nothing to report so far\n');
    const { stdout, stderr } = await runProgram(source);
    expect(stderr).toBe('');
    expect(stdout.trim()).toBe(shown?.trim());
  });
});
