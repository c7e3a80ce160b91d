import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import {
  appendFile,
  chmod,
  link,
  mkdir,
  mkdtemp,
  realpath,
  rm,
  symlink,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayError } from '../core/errors.ts';
import { StartupError } from '../platform/startup-error.ts';
import { openPathPolicy, type PathCheck, type PathPolicy } from './path-policy.ts';

const NOT_ALLOWED = 'path_not_allowed';
const TEXT = 'words of the file';

let base: string;
let root: string;
let policies: Readonly<Record<'descriptor' | 'names', PathPolicy>>;
let policy: PathPolicy;
const CHECKS = ['descriptor', 'names'] as const;
const closing: (() => void)[] = [];

const at = (name: string): string => join(root, name);
const start = (allowed: readonly string[], changes: { dataDirectory?: string; check?: PathCheck } = {}) =>
  openPathPolicy({
    allowed,
    mappings: [
      { windows: 'C:/Project', posix: root },
      { windows: 'S:', posix: join(base, 'secret') },
    ],
    dataDirectory: join(root, 'state'),
    ...changes,
  });

beforeAll(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'path-policy-')));
  root = join(base, 'project');
  for (const name of ['project/sub', 'project/state', 'project-evil', 'project.bak', 'other', 'secret/sub']) {
    await mkdir(join(base, name), { recursive: true });
  }
  for (const name of ['project/a.txt', 'project/sub/b.txt', 'project-evil/x', 'project.bak/x', 'other/o.txt'])
    await writeFile(join(base, name), TEXT);
  for (const name of ['secret/s.txt', 'secret/sub/s.txt', 'project/state/gateway-url'])
    await writeFile(join(base, name), 'SECRET');
  await symlink('a.txt', at('link-in'));
  await symlink('/etc/passwd', at('link-passwd'));
  await symlink('../secret/s.txt', at('link-relative'));
  await symlink(join(base, 'secret'), at('link-dir'));
  await symlink('link-relative', at('chain-1'));
  await symlink('chain-1', at('chain-2'));
  await symlink(join(base, 'project-evil/x'), at('link-evil'));
  await symlink(join(base, 'secret/none'), at('dangling'));
  await symlink('loop-b', at('loop-a'));
  await symlink('loop-a', at('loop-b'));
  await symlink('/proc/self/environ', at('link-environ'));
  await symlink('/proc/self/root', at('link-root'));
  await symlink('/dev/zero', at('link-zero'));
  await symlink('/dev/null', at('link-null'));
  await symlink(join(base, 'other/o.txt'), at('link-other'));
  await symlink('state', at('link-state'));
  await symlink(root, join(base, 'root-link'));
  execFileSync('mkfifo', [at('fifo')]);
  execFileSync('mkfifo', [join(base, 'secret/fifo')]);
  await symlink('../secret/fifo', at('link-fifo'));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(at('socket'), resolve));
  closing.push(() => server.close());
  policies = { descriptor: await start([root]), names: await start([root], { check: 'names' }) };
  policy = policies.descriptor;
});
afterAll(async () => {
  for (const close of closing) close();
  await rm(base, { recursive: true, force: true });
});

const descriptors = (): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith(base) && !target.startsWith('socket:') ? [target] : [];
    } catch {
      return [];
    }
  });

const read = async (text: string, by: PathPolicy = policy): Promise<string> => {
  const file = await by.open(text);
  try {
    const chunks = [];
    for await (const chunk of file.body) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  } finally {
    await file.close();
  }
};
const refusal = async (text: string, by: PathPolicy = policy): Promise<GatewayError> => {
  const answer = await read(text, by).catch((error: unknown) => error);
  if (answer instanceof GatewayError) return answer;
  throw new Error(`Expected a refusal of ${text}, got ${answer}`);
};

const ALLOWED: readonly (readonly [string, () => string])[] = [
  ['P05 a file', () => at('a.txt')],
  ['P05 a file by a roundabout path', () => `${root}//sub/.././/a.txt`],
  ['P16 a link that stays inside', () => at('link-in')],
  ['P43 a file by its Windows path', () => 'c:\\PROJECT\\sub\\b.txt'],
  ['P43 a file by its Windows path', () => 'C:/Project//a.txt'],
];

const REFUSED: readonly (readonly [string, () => string, string])[] = [
  ['P01', () => `${root}/../../etc/passwd`, NOT_ALLOWED],
  ['P02', () => `${root}/sub/../../../../etc/shadow`, NOT_ALLOWED],
  ['P03', () => join(base, 'project-evil/x'), NOT_ALLOWED],
  ['P04', () => join(base, 'project.bak/x'), NOT_ALLOWED],
  ['P06', () => `${root}/a.txt/../../secret/s.txt`, NOT_ALLOWED],
  ['P07', () => root.toUpperCase(), NOT_ALLOWED],
  ['P07', () => at('A.TXT'), 'not_found'],
  ['P10', () => at('*.txt'), 'not_found'],
  ['P12', () => '/proc/self/environ', NOT_ALLOWED],
  ['P12', () => '/proc/self/fd/0', NOT_ALLOWED],
  ['P12', () => `/proc/self/root${root}/a.txt`, NOT_ALLOWED],
  ['P12', () => at('link-root/etc/passwd'), NOT_ALLOWED],
  ['P13', () => '/dev/zero', NOT_ALLOWED],
  ['P13', () => '/dev/stdin', NOT_ALLOWED],
  ['P13', () => '/dev/watchdog', NOT_ALLOWED],
  ['P15', () => root, 'not_a_file'],
  ['P15', () => at('sub'), 'not_a_file'],
  ['P15', () => at('socket'), 'not_a_file'],
  ['P16', () => at('link-passwd'), NOT_ALLOWED],
  ['P17', () => at('link-relative'), NOT_ALLOWED],
  ['P18', () => at('link-dir/s.txt'), NOT_ALLOWED],
  ['P18', () => at('link-dir/sub/s.txt'), NOT_ALLOWED],
  ['P18', () => at('link-dir'), NOT_ALLOWED],
  ['P19', () => at('chain-2'), NOT_ALLOWED],
  ['P20', () => at('link-evil'), NOT_ALLOWED],
  ['P21', () => at('dangling'), NOT_ALLOWED],
  ['P21', () => at('dangling/below'), NOT_ALLOWED],
  ['P11', () => at('link-dir/none'), NOT_ALLOWED],
  ['P11', () => at('link-dir/none/none'), NOT_ALLOWED],
  ['P11', () => at('link-passwd/none'), NOT_ALLOWED],
  ['P11', () => at('link-fifo'), NOT_ALLOWED],
  ['P22', () => at('loop-a'), 'invalid_path'],
  ['P22', () => at('loop-a/below'), 'invalid_path'],
  ['P23', () => at('link-environ'), NOT_ALLOWED],
  ['P23', () => at('link-zero'), NOT_ALLOWED],
  ['P23', () => at('link-null'), NOT_ALLOWED],
  ['P37', () => at('．．／secret'), 'not_found'],
  ['P38', () => at('%2e%2e/secret/s.txt'), 'not_found'],
  ['P38', () => at('..%2fsecret'), 'not_found'],
  ['P38', () => at('%252e'), 'not_found'],
  ['P39', () => at('e\u0301.txt'), 'not_found'],
  ['P44', () => 'C:\\Project\\..\\secret\\s.txt', NOT_ALLOWED],
  ['P47', () => 'S:\\s.txt', NOT_ALLOWED],
  ['P47', () => 'S:\\none', NOT_ALLOWED],
  ['P54', () => '/app/c:/Project/a.txt', NOT_ALLOWED],
  ['P54', () => at('c:/Project/a.txt'), 'not_found'],
  ['P55', () => at('state/gateway-url'), NOT_ALLOWED],
  ['P55', () => at('state/none'), NOT_ALLOWED],
  ['P55', () => at('link-state/gateway-url'), NOT_ALLOWED],
  ['P55', () => at('link-state/none'), NOT_ALLOWED],
  ['missing', () => at('none'), 'not_found'],
  ['missing', () => at('none/none/none'), 'not_found'],
  ['missing', () => at('a.txt/below'), 'not_found'],
];

describe.each(CHECKS)('the path policy, by the check of the %s', (check) => {
  it.each(ALLOWED)('%s is read', async (_, path) => {
    expect(await read(path(), policies[check])).toBe(TEXT);
    expect(descriptors()).toEqual([]);
  });

  it.each(REFUSED)('%s refuses (row %#)', async (_, path, code) => {
    expect((await refusal(path(), policies[check])).code).toBe(code);
    expect(descriptors()).toEqual([]);
  });

  it('P11 P16 P21 P33 P47 says the same of everything outside', async () => {
    const messages = new Set<string>();
    for (const [, path, code] of REFUSED) {
      if (code !== NOT_ALLOWED) continue;
      const { message, param } = await refusal(path(), policies[check]);
      messages.add(`${param} ${message}`);
    }
    for (const path of ['/etc/passwd', '/etc/does-not-exist', '/etc/passwd/none', 'Z:\\x']) {
      const { message, param } = await refusal(path, policies[check]);
      messages.add(`${param} ${message}`);
    }
    expect([...messages]).toHaveLength(1);
    expect([...messages][0]).not.toContain(base);
  });

  it('P14 does not wait for the other end of a pipe', async () => {
    const before = performance.now();
    expect((await refusal(at('fifo'), policies[check])).code).toBe('not_a_file');
    expect(performance.now() - before).toBeLessThan(1_000);
  });

  it('P24 follows a root that is a link, under either name', async () => {
    const linked = await start([join(base, 'root-link')], { check });
    expect(await read(join(base, 'root-link/a.txt'), linked)).toBe(TEXT);
    expect(await read(at('a.txt'), linked)).toBe(TEXT);
    expect((await refusal(join(base, 'root-link/link-relative'), linked)).code).toBe(NOT_ALLOWED);
  });

  it('P25 follows a link from one root into another', async () => {
    expect((await refusal(at('link-other'), policies[check])).code).toBe(NOT_ALLOWED);
    expect(await read(at('link-other'), await start([root, join(base, 'other')], { check }))).toBe(TEXT);
  });
});

describe('the path policy', () => {
  it('P05 takes a root with slashes at its end', async () => {
    const slashed = await start([`${root}//`]);
    expect(await read(at('a.txt'), slashed)).toBe(TEXT);
    expect((await refusal(join(base, 'project-evil/x'), slashed)).code).toBe(NOT_ALLOWED);
  });

  it('P24 finds a root that comes later', async () => {
    const late = join(base, 'late');
    const patient = await start([late]);
    expect((await refusal(join(late, 'a.txt'), patient)).code).toBe(NOT_ALLOWED);
    await mkdir(late);
    await writeFile(join(late, 'a.txt'), TEXT);
    expect(await read(join(late, 'a.txt'), patient)).toBe(TEXT);
  });

  it('P31 reads a file that has another name elsewhere, as documented', async () => {
    await link(join(base, 'secret/s.txt'), at('hard'));
    expect(await read(at('hard'))).toBe('SECRET');
  });

  it('P32 tells the size of a sparse file without reading it', async () => {
    await writeFile(at('sparse'), '');
    await truncate(at('sparse'), 2 ** 40);
    const file = await policy.open(at('sparse'));
    expect(file.sizeBytes).toBe(2 ** 40);
    await file.close();
    await unlink(at('sparse'));
  });

  it('P33 refuses what its user cannot read as it refuses what is outside', async () => {
    const { message } = await refusal('/etc/passwd');
    await writeFile(at('closed'), TEXT);
    await chmod(at('closed'), 0);
    await chmod(base, 0o755);
    const script = `
      import { openPathPolicy } from ${JSON.stringify(join(import.meta.dirname, 'path-policy.ts'))};
      const policy = await openPathPolicy({ allowed: [${JSON.stringify(root)}], mappings: [], dataDirectory: '/usr' });
      for (const name of ['a.txt', 'closed'])
        console.log(await policy.open(${JSON.stringify(root)} + '/' + name).then((f) => f.sizeBytes, (e) => e.message));`;
    const asRoot = process.getuid?.() === 0;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      cwd: '/',
      ...(asRoot ? { uid: 65_534, gid: 65_534 } : {}),
    });
    expect(stdout.trim().split('\n'), stderr).toEqual([String(TEXT.length), message]);
  });

  it('P55 allows nothing by default', async () => {
    const closed = await start([]);
    for (const path of [at('a.txt'), at('none'), '/etc/passwd', '/'])
      expect((await refusal(path, closed)).code).toBe(NOT_ALLOWED);
  });

  it.each(['/', '//', '/.', '/a/..', '/proc', '/proc/self', '/sys/kernel', '/dev'])(
    'P55 does not start with %j allowed',
    async (wide) => {
      await expect(start([wide])).rejects.toThrow(StartupError);
      await expect(start([wide])).rejects.toMatchObject({ exitCode: 78 });
    },
  );

  it('P55 does not start with a link to everything allowed', async () => {
    const wide = join(base, 'wide');
    await symlink('/', wide);
    await expect(start([wide])).rejects.toMatchObject({ exitCode: 78 });
  });

  it('P55 never reads its own directory, under whichever name that is configured', async () => {
    const careful = await start([root, at('state')], { dataDirectory: join(base, 'root-link/state') });
    expect((await refusal(at('state/gateway-url'), careful)).code).toBe(NOT_ALLOWED);
    expect((await refusal(at('link-state/gateway-url'), careful)).code).toBe(NOT_ALLOWED);
    expect(await read(at('a.txt'), careful)).toBe(TEXT);
  });
});

describe('a file that changes while it is read', () => {
  const BLOCK = Buffer.alloc(2 ** 20, 'a');
  const changes: readonly (readonly [string, (path: string) => Promise<void>])[] = [
    ['P29 grows', (path) => appendFile(path, 'more')],
    ['P29 shrinks', (path) => truncate(path, 300_000)],
    ['P29 is rewritten at the same size', (path) => writeFile(path, Buffer.alloc(2 ** 20, 'b'))],
    ['P30 is deleted', (path) => unlink(path)],
  ];

  it.each(changes)('%s: is refused at its end, and never more than its size is read', async (_, change) => {
    const path = at('changing');
    await writeFile(path, BLOCK);
    const file = await policy.open(path);
    let bytes = 0;
    const reading = (async () => {
      for await (const chunk of file.body) {
        if (bytes === 0) await change(path);
        bytes += chunk.length;
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'incomplete_body', retry: 'later' });
    expect(bytes).toBeLessThanOrEqual(BLOCK.length);
    await file.close();
    expect(descriptors()).toEqual([]);
  });

  it('P29 is what it was opened as, when another takes its name', async () => {
    const path = at('replaced');
    await writeFile(path, BLOCK);
    const file = await policy.open(path);
    await rm(path);
    await writeFile(path, 'another');
    const hash = createHash('sha256');
    // Losing its name is a change too.
    await expect(
      (async () => {
        for await (const chunk of file.body) hash.update(chunk);
      })(),
    ).rejects.toMatchObject({ code: 'incomplete_body' });
    expect(hash.digest('hex')).toBe(createHash('sha256').update(BLOCK).digest('hex'));
    await file.close();
  });
});

describe('whatever the path', () => {
  const piece = fc.constantFrom(
    '.',
    '..',
    '/',
    '\\',
    ':',
    '%',
    '\0',
    ' ',
    '~',
    'A',
    'sub',
    'a.txt',
    'link-dir',
    'link-in',
    'state',
    's.txt',
    'project',
    'secret',
    'chain-2',
  );

  it('P01 P16 P44 P55 what is opened lies inside, and is what the path says', async () => {
    let opened = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('/', '\\', ''),
        fc.array(piece, { maxLength: 7 }),
        async (start, pieces) => {
          for (const text of [
            `${root}${start}${pieces.join('')}`,
            `${root}/${pieces.join('/')}`,
            `C:/Project/${pieces.join('\\')}`,
          ]) {
            const file = await policy.open(text).catch((error: unknown) => {
              expect(error).toBeInstanceOf(GatewayError);
              return null;
            });
            if (file === null) continue;
            opened += 1;
            const [real] = descriptors();
            await file.close();
            expect(real?.startsWith(`${root}/`) && !real.startsWith(at('state'))).toBe(true);
            expect([at('a.txt'), at('sub/b.txt')]).toContain(real);
          }
        },
      ),
      { numRuns: 1_500 },
    );
    expect(opened).toBeGreaterThan(10);
  });
});
