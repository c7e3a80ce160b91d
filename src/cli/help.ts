import type { Command } from './command.ts';
import { commands } from './commands.ts';
import { formatTable } from './format-table.ts';
import type { Option } from './options.ts';

/** What there is, of all commands or of those of a group such as `files`. */
export const overview = (group: string | null): string => {
  const rows = Object.entries(commands)
    .filter(([name]) => group === null || name.startsWith(`${group} `))
    .map(([name, { usage, summary }]) => [`  ${name} ${usage}`.trimEnd(), summary]);
  const what = group === null ? '<command>' : `${group} <command>`;
  return `Waybill, the file layer between applications or agents and the model providers.

Usage: waybill ${what} [options]

${formatTable(rows)}
Each has --help and --json. Exit codes: 0 ok, 1 failed, 2 usage, 78 configuration, 130 interrupted.
`;
};

/** How one command is used. */
export const commandHelp = (name: string, { summary, usage, options }: Command): string => `${summary}.

Usage: waybill ${`${name} ${usage}`.trimEnd()} [options]

${formatTable(Object.entries(options).map(optionRow))}`;

const optionRow = ([name, { short, value, summary }]: [string, Option]): string[] => {
  const long = value === undefined ? `--${name}` : `--${name} ${value}`;
  return [`  ${short === undefined ? '    ' : `-${short}, `}${long}`, summary];
};
