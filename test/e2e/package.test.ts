import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { randomText } from '../support/random-text.ts';
import { makeHome } from '../support/start-gateway.ts';

const run = promisify(execFile);

const ROOT = join(import.meta.dirname, '../..');
const DEADLINE_MS = 50_000;
const NEEDED = [
  'bin',
  'emulators',
  'migrations',
  'src',
  'web',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'README.md',
  'LICENSE',
];

/** A program's directory elsewhere, with the package installed in it. */
let project: string;
let installed: string;
let packed: readonly string[];

beforeAll(async () => {
  const home = await makeHome();
  project = join(home, 'project');
  installed = join(project, 'node_modules/waybill');
  await mkdir(installed, { recursive: true });
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', home], {
    cwd: await copyCheckout(join(home, 'checkout')),
    env: { ...process.env, npm_config_loglevel: 'error' },
    maxBuffer: 64 * 2 ** 20,
  });
  // The build may print before it.
  const [report] = Object.values(JSON.parse(stdout.slice(stdout.search(/^[[{]/mu)))) as {
    filename: string;
    files: { path: string }[];
  }[];
  packed = report?.files.map(({ path }) => path) ?? [];
  await run('tar', ['-xzf', join(home, report?.filename ?? ''), '-C', installed, '--strip-components=1']);
  // What its dependencies are installed as: found from the package and from the program.
  await symlink(join(ROOT, 'node_modules'), join(home, 'node_modules'));
  await writeFile(join(project, 'package.json'), '{"type":"module"}');
}, 120_000);

/** What packing needs of the checkout. It builds, and other tests must not find their console gone meanwhile. */
const copyCheckout = async (to: string): Promise<string> => {
  await mkdir(to);
  for (const name of NEEDED) await cp(join(ROOT, name), join(to, name), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(to, 'node_modules'));
  return to;
};

const runNode = (args: readonly string[]) =>
  run(process.execPath, [...args], {
    cwd: project,
    env: { PATH: process.env.PATH, HOME: project },
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL',
  });

const IMPORT =
  /(?:^|[\s;}])(?:import|export)\s*(?:[\w*{}\s,$]+?\sfrom\s*)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gu;

/** What a file of the package imports. */
const importsOf = async (path: string): Promise<readonly string[]> => {
  const source = await readFile(join(installed, path), 'utf8');
  return [...source.matchAll(IMPORT)].map(([, still, dynamic]) => still ?? dynamic ?? '');
};

const isRelative = (specifier: string): boolean => /^\.{1,2}\//u.test(specifier);

describe('the npm package', () => {
  it('holds the program, what it needs beside it, and nothing else', () => {
    for (const path of [
      'bin/waybill.js',
      'dist/src/app/main.js',
      'dist/src/index.d.ts',
      'dist/src/client/index.d.ts',
      'dist/src/client/browser.js',
      'dist/src/staging/hash-worker.js',
      'dist/emulators/kimi.js',
      'migrations/20261123000000_files.sql',
      'dist/console/index.html',
      'README.md',
      'LICENSE',
    ])
      expect(packed).toContain(path);
    const unwanted =
      /\.test\.|(^|\/)(test|testing|__fixtures__|bench|node_modules)\/|(^|\/)\.env|\.map$|^src\/|^web\/|\.waybill/u;
    expect(packed.filter((path) => unwanted.test(path))).toEqual([]);
  });

  it('imports only what is in it or among its dependencies', async () => {
    const { dependencies } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
    const wrong: string[] = [];
    let count = 0;
    for (const path of packed.filter((file) => /^(bin|dist\/(src|emulators))\/.*\.js$/u.test(file))) {
      for (const specifier of await importsOf(path)) {
        count += 1;
        const name = specifier
          .split('/')
          .slice(0, specifier.startsWith('@') ? 2 : 1)
          .join('/');
        const isThere = isRelative(specifier)
          ? existsSync(join(installed, dirname(path), specifier))
          : isBuiltin(specifier) || name in dependencies;
        if (!isThere) wrong.push(`${path}: ${specifier}`);
      }
    }
    expect(count).toBeGreaterThan(500);
    expect(wrong).toEqual([]);
  });

  it('pulls nothing of Node into a browser', async () => {
    const seen = new Set<string>();
    const outside = new Set<string>();
    const walk = async (path: string): Promise<void> => {
      if (seen.has(path)) return;
      seen.add(path);
      for (const specifier of await importsOf(path)) {
        if (isRelative(specifier)) await walk(relative(installed, join(installed, dirname(path), specifier)));
        else outside.add(specifier);
      }
    };
    await walk('dist/src/client/browser.js');
    expect(seen.size).toBeGreaterThan(5);
    expect(
      [...outside].filter((specifier) => isBuiltin(specifier) || /^(undici|ws|pg|zod)\b/u.test(specifier)),
    ).toEqual([]);
    expect([...seen].filter((path) => !/^dist\/src\/(client|core|api)\//u.test(path))).toEqual([]);
  });

  it('runs as a program', async () => {
    const program = join(installed, 'bin/waybill.js');
    const help = await runNode([program, '--help']);
    expect(help.stdout).toContain('waybill');
    expect(help.stderr).toBe('');
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
    expect((await runNode([program, '--version'])).stdout.trim()).toBe(version);
  });

  it('runs a gateway in a program, with all that belongs to one', async () => {
    await writeFile(join(project, 'large.txt'), randomText(5_000_000));
    await writeFile(
      join(project, 'embed.js'),
      `
      import { createHash } from 'node:crypto';
      import { readFile } from 'node:fs/promises';
      import { createGateway } from 'waybill';
      import { Waybill } from 'waybill/client';
      const gateway = await createGateway({ settings: { PORT: 0, DATA_DIR: 'data' } });
      const waybill = new Waybill({ url: gateway.url, token: await gateway.createToken({ sub: 'alice' }) });
      const { id } = await waybill.upload('large.txt', { provider: 'kimi' });
      const { bytes, status, sha256 } = await waybill.settled(id);
      const digest = createHash('sha256').update(await readFile('large.txt')).digest('hex');
      const page = await fetch(gateway.url + '/');
      console.log(JSON.stringify({ bytes, status, isSame: sha256 === digest, page: [page.status, (await page.text()).includes('<html')] }));
      await waybill.close();
      await gateway.close();
      `,
    );
    const { stdout, stderr } = await runNode(['embed.js']);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      bytes: 5_000_000,
      status: 'processed',
      isSame: true,
      page: [200, true],
    });
  });

  it.each([
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ])('has types, for module %s and resolution %s', async (module, moduleResolution) => {
    await writeFile(
      join(project, 'consumer.ts'),
      `
      import { ConfigError, createGateway, type EmbeddedGateway, type Settings, StartupError } from 'waybill';
      import { ClientError, type FileObject, type UploadOptions, Waybill } from 'waybill/client';

      const settings: Settings = { PORT: 0, DATA_DIR: 'data', KIMI_API_KEY: undefined };
      const gateway: EmbeddedGateway = await createGateway({ settings, onLog: ({ level }) => level === 'info' });
      const waybill = new Waybill({ url: gateway.url, token: () => gateway.createToken({ sub: 'a', scopes: ['files:read'] }) });
      const options: UploadOptions = { onProgress: ({ sentBytes, totalBytes }) => sentBytes + (totalBytes ?? 0) };
      const file: FileObject = await waybill.upload('a.txt', options);
      export const isFine: boolean = file.bytes > 0 && new ConfigError([]) instanceof Error && StartupError !== undefined;
      export const code: string = new ClientError('not_found', '').code;
      await createGateway({ settings: { KIMI_API_KEY: process.env.KIMI_API_KEY } });
      // @ts-expect-error: not a variable of the configuration
      await createGateway({ settings: { POTR: 1 } });
      // @ts-expect-error: text
      export const url: number = gateway.url;
      // @ts-expect-error: a number
      export const bytes: string = file.bytes;
      // @ts-expect-error: not a scope
      await gateway.createToken({ sub: 'a', scopes: ['everything'] });
      // @ts-expect-error: not an option
      await waybill.upload('a.txt', { porvider: 'kimi' });
      `,
    );
    const compilerOptions = {
      module,
      moduleResolution,
      target: 'es2024',
      types: ['node'],
      strict: true,
      skipLibCheck: true,
      noEmit: true,
    };
    await writeFile(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['consumer.ts'] }),
    );
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const { stdout } = await runNode([tsc, '-p', project]).catch((error: { stdout: string }) => error);
    expect(stdout).toBe('');
  });

  it('has no file that the build did not make of a source', async () => {
    const emitted = (await readdir(join(installed, 'dist'), { recursive: true })).filter((path) =>
      /^(src|emulators)\/.*\.js$/u.test(path),
    );
    const orphans = emitted.filter((path) => !existsSync(join(ROOT, path.replace(/\.js$/u, '.ts'))));
    expect(emitted.length).toBeGreaterThan(100);
    expect(orphans).toEqual([]);
  });
});
