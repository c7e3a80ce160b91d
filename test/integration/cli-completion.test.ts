/** What shells offer, asked of the shells themselves. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commands } from '../../src/cli/commands.ts';
import { callWaybill } from '../support/call-waybill.ts';

/** Not everywhere. */
const FISH = 'fish';

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'waybill-completion-'));
  for (const name of ['report one.txt', 'result.txt', 'other.md']) writeFileSync(join(home, name), '');
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const scriptFor = async (shell: string): Promise<string> => {
  const { exitCode, stdout } = await callWaybill(['completion', shell]);
  expect(exitCode).toBe(0);
  const path = join(home, `.${shell}`);
  writeFileSync(path, stdout);
  return path;
};

const isThere = (program: string): boolean => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    // Said here, for a test that is skipped says nothing.
    process.stdout.write(`${program} is not installed, so its completions are not asked for.\n`);
    return false;
  }
};

const words = (text: string): string[] => text.split('\n').filter(Boolean).toSorted();

/** Pairs of what is typed and what is offered for the last word. */
const CASES: readonly (readonly [readonly string[], readonly string[]])[] = [
  [['up'], ['upload']],
  [
    ['files', ''],
    ['content', 'download', 'list', 'rm', 'show'],
  ],
  [['files', 'd'], ['download']],
  [['upload', '--pa'], ['--parallel']],
  [['upload', '--to', 'k'], ['kimi']],
  [
    ['upload', '--to', 'kimi,g'],
    ['kimi,gemini', 'kimi,glm'],
  ],
  [['upload', 'rep'], ['report one.txt']],
  [
    ['upload', '--quiet', 're'],
    ['report one.txt', 'result.txt'],
  ],
  [
    ['files', 'list', '--status', ''],
    ['error', 'processed', 'uploaded'],
  ],
  [['files', 'download', 'x', '-o', 'oth'], ['other.md']],
  [['files', 'show', 're'], []],
  [
    ['completion', ''],
    ['bash', 'fish', 'zsh'],
  ],
];

describe.skipIf(!isThere('bash'))('bash', () => {
  /** Calls what `complete` has registered, as bash does when the key is pressed. */
  const ask = (script: string, typed: readonly string[]): string[] => {
    const asking = `source "$1"; shift; COMP_WORDS=(waybill "$@"); COMP_CWORD=$#
      run=$(complete -p waybill); run=\${run#*-F }; "\${run%% *}" 2>/dev/null
      (( \${#COMPREPLY[@]} == 0 )) || printf '%s\\n' "\${COMPREPLY[@]}"`;
    return words(execFileSync('bash', ['-c', asking, 'bash', script, ...typed], { cwd: home }).toString());
  };

  it.each(CASES)('offers for %j just %j', async (typed, offered) => {
    expect(ask(await scriptFor('bash'), typed)).toEqual(offered);
  });

  it('offers every command, and every option of each', async () => {
    const script = await scriptFor('bash');
    const firsts = new Set(Object.keys(commands).map((name) => name.split(' ')[0]));
    expect(ask(script, [''])).toEqual([...firsts, 'help', '--help', '--version'].toSorted());
    for (const [name, { options }] of Object.entries(commands)) {
      const offered = ask(script, [...name.split(' '), '--']);
      expect(offered).toEqual(
        Object.keys(options)
          .map((option) => `--${option}`)
          .toSorted(),
      );
    }
  });

  it('knows the value behind an equals sign, at which it splits words', async () => {
    const script = await scriptFor('bash');
    expect(ask(script, ['upload', '--to', '=', 'gl'])).toEqual(['glm']);
    expect(ask(script, ['files', 'list', '--status', '='])).toEqual(['error', 'processed', 'uploaded']);
  });
});

describe.skipIf(!isThere(FISH))('fish', () => {
  it.each(CASES)('offers for %j just %j', async (typed, offered) => {
    const line = ['waybill', ...typed].join(' ');
    const asking = `source $argv[1]; complete -C $argv[2]`;
    const answer = execFileSync(FISH, ['--no-config', '-c', asking, await scriptFor('fish'), line], {
      cwd: home,
    });
    const found = words(answer.toString()).map((row) => row.split('\t')[0]?.replaceAll('\\', ''));
    expect(found).toEqual(offered);
  });
});

describe.skipIf(!isThere('zsh'))('zsh', () => {
  it('takes the script', async () => {
    const asking =
      'autoload -Uz compinit && compinit -u -d "$2" && source "$1" && print -r -- $_comps[waybill]';
    const args = ['-fc', asking, 'zsh', await scriptFor('zsh'), join(home, '.zcompdump')];
    expect(execFileSync('zsh', args, { cwd: home }).toString()).toBe('_waybill\n');
  });
});

describe('a script', () => {
  it.each(['bash', 'zsh', 'fish'])(
    'for %s names every command and option, and is one value for --json',
    async (shell) => {
      const { stdout } = await callWaybill(['completion', shell]);
      for (const [name, { options }] of Object.entries(commands)) {
        for (const word of name.split(' ')) expect(stdout).toContain(word);
        for (const option of Object.keys(options)) expect(stdout).toContain(option);
      }
      const json = await callWaybill(['completion', shell, '--json']);
      expect(JSON.parse(json.stdout)).toEqual({ shell, script: stdout });
    },
  );
});
