import { CliError } from '../cli-error.ts';
import type { Run } from '../command.ts';
import { commands } from '../commands.ts';
import { bashCompletion } from '../completion/bash-completion.ts';
import { fishCompletion } from '../completion/fish-completion.ts';
import { zshCompletion } from '../completion/zsh-completion.ts';
import { EXIT_OK } from '../exit-codes.ts';
import type { commonOptions } from '../options.ts';
import { printJson } from '../print-json.ts';

const shells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/** `waybill completion`: a script for a shell to read, made from the table of commands. */
export const printCompletion: Run<typeof commonOptions> = async ({ operands, values, io }) => {
  const [shell = ''] = operands;
  if (!isShell(shell)) {
    const message = `There are completions for ${Object.keys(shells).join(', ')}, not for ${JSON.stringify(shell)}.`;
    throw new CliError('usage', message);
  }
  const script = shells[shell](commands);
  if (values.json) printJson(io.stdout, { shell, script });
  else io.stdout.write(script);
  return EXIT_OK;
};

const isShell = (name: string): name is keyof typeof shells => Object.hasOwn(shells, name);
