import { parseArgs } from 'node:util';
import { systemCode } from '../core/errors.ts';
import { CliError } from './cli-error.ts';
import type { Command } from './command.ts';
import { nearestTo } from './nearest-to.ts';
import type { Options, Values } from './options.ts';

export interface ParsedCall {
  readonly values: Values<Options>;
  readonly operands: readonly string[];
}

/** Reads what follows the name of a command. Throws `CliError` `usage`, which names what is wrong. */
export const parseCall = (
  name: string,
  { options, operands }: Command,
  args: readonly string[],
): ParsedCall => {
  const help = `see "waybill ${name} --help"`;
  const { values, positionals } = parseOrExplain(options, args, help);
  if (values.help === true) return { values, operands: positionals };
  const surplus = positionals[operands.max];
  if (surplus !== undefined) {
    throw new CliError('usage', `"${surplus}" is one argument too many for "waybill ${name}"; ${help}.`);
  }
  if (positionals.length < operands.min) {
    throw new CliError('usage', `"waybill ${name}" needs at least one <${operands.name}>; ${help}.`);
  }
  return { values, operands: positionals };
};

const parseOrExplain = (options: Command['options'], args: readonly string[], help: string) => {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const [, option = ''] = /'(?:-\w, )?(-{1,2}[^\s']*)/u.exec(String(error)) ?? [];
    if (systemCode(error) === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
      const meant = nearestTo(option.replace(/^-+/u, ''), Object.keys(options));
      const hint = meant === null ? '' : `did you mean --${meant}? Else `;
      throw new CliError('usage', `There is no option ${option}; ${hint}${help}.`);
    }
    if (systemCode(error) === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') {
      const wants = /does not take/u.test(String(error)) ? 'takes no value' : 'needs a value';
      throw new CliError('usage', `The option ${option} ${wants}; ${help}.`);
    }
    throw error;
  }
};
