/** docs/cli.md against the table of commands, and what it says of exit codes, variables and places. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Command } from '../../src/cli/command.ts';
import { commands } from '../../src/cli/commands.ts';
import * as exitCodes from '../../src/cli/exit-codes.ts';
import { type Option, showOptions } from '../../src/cli/options.ts';

const text = readFileSync(join(import.meta.dirname, '../../docs/cli.md'), 'utf8');

/** What stands below each heading. */
const sections = new Map(
  text
    .split(/^##+ /mu)
    .slice(1)
    .map((section) => [section.split('\n', 1)[0] ?? '', section] as const),
);

const headingOf = (name: string, { usage }: Command): string => `\`${`waybill ${name} ${usage}`.trimEnd()}\``;

const rowOf = ([name, { short, value, summary }]: [string, Option]): string => {
  const spelling = [short === undefined ? [] : `-${short}`, `--${name}`].flat().join(', ');
  return `| \`${value === undefined ? spelling : `${spelling} ${value}`}\` | ${summary} |`;
};

const rowsIn = (section: string | undefined): string[] =>
  (section?.split('\n') ?? []).filter((line) => /^\| `-/u.test(line));

describe('docs/cli.md', () => {
  it('has every command, and no other', () => {
    const documented = [...sections.keys()].filter((heading) => heading.startsWith('`waybill'));
    expect(documented).toEqual(Object.entries(commands).map(([name, command]) => headingOf(name, command)));
  });

  it('has the options of all commands once', () => {
    const rows = Object.entries(showOptions).map(rowOf);
    expect(rowsIn(sections.get('Options of every command'))).toEqual(rows);
  });

  it.each(Object.entries(commands))('has what waybill %s does, and its own options', (name, command) => {
    const section = sections.get(headingOf(name, command));
    expect(section).toContain(`\n${command.summary}.`);
    const isCommon = (option: string): boolean => {
      const common = Object.entries(showOptions).find(([known]) => known === option)?.[1];
      return common?.summary === command.options[option]?.summary;
    };
    const own = Object.entries(command.options).filter(([option]) => !isCommon(option));
    expect(rowsIn(section)).toEqual(own.map(rowOf));
  });

  it('has every exit code', () => {
    const documented = [...(sections.get('Exit codes')?.matchAll(/^\| `(\d+)` /gmu) ?? [])].map(([, code]) =>
      Number(code),
    );
    expect(documented.toSorted((a, b) => a - b)).toEqual(Object.values(exitCodes).toSorted((a, b) => a - b));
  });

  it('names the variables that the sources of the command line read', () => {
    const section = sections.get('Environment variables') ?? '';
    for (const name of [
      'WAYBILL_URL',
      'WAYBILL_TOKEN',
      'NO_COLOR',
      'TERM',
      'XDG_STATE_HOME',
      'XDG_CACHE_HOME',
    ])
      expect(section).toContain(`\`${name}\``);
  });
});
