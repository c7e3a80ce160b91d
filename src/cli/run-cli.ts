import { CliError } from './cli-error.ts';
import { commands } from './commands.ts';
import { EXIT_OK } from './exit-codes.ts';
import { commandHelp, overview } from './help.ts';
import type { Io } from './io.ts';
import type { Local } from './local.ts';
import { nearestTo } from './nearest-to.ts';
import { parseCall } from './parse-call.ts';
import { printJson } from './print-json.ts';

/** Runs one call of the program. Answers with the exit code; every error has been said on `stderr` then. */
export const runCli = async (args: readonly string[], io: Io, local: Local): Promise<number> => {
  try {
    return await dispatch(args, io, local);
  } catch (error) {
    const { reportError } = await import('./report-error.ts');
    return await reportError(error, io, { isJson: asksForJson(args) });
  }
};

const dispatch = async (args: readonly string[], io: Io, local: Local): Promise<number> => {
  const [first, ...rest] = args;
  if (first === undefined || first === 'help' || first === '--help' || first === '-h')
    return showHelp(first === 'help' ? rest : [], io);
  if (first === '--version') {
    const version = await local.version();
    if (asksForJson(args)) printJson(io.stdout, { version });
    else io.stdout.write(`${version}\n`);
    return EXIT_OK;
  }
  const found = find(args);
  if (found === null) return showGroup(args, io);
  const { name, command } = found;
  const given = args.slice(name.split(' ').length);
  const { values, operands } = parseCall(name, command, given);
  if (values.help === true) {
    io.stdout.write(commandHelp(name, command));
    return EXIT_OK;
  }
  return command.run({ values, operands, args: given, io, local });
};

/** `waybill help`, `waybill help files`, `waybill help files list`. */
const showHelp = (topic: readonly string[], io: Io): number => {
  const found = find(topic);
  if (found === null) return showGroup(topic, io);
  io.stdout.write(commandHelp(found.name, found.command));
  return EXIT_OK;
};

/** `waybill files` alone: what there is in it. Throws for what is neither a command nor a group. */
const showGroup = ([group, member]: readonly string[], io: Io): number => {
  const names = Object.keys(commands);
  const groups = names.flatMap((name) => (name.includes(' ') ? [name.slice(0, name.indexOf(' '))] : []));
  const isGroup = group !== undefined && groups.includes(group);
  const isAlone = member === undefined || member === '--help' || member === '-h';
  if (group === undefined || (isGroup && isAlone)) {
    io.stdout.write(overview(group ?? null));
    return EXIT_OK;
  }
  if (group.startsWith('-')) {
    throw new CliError('usage', `The option ${group} is not known before a command; see "waybill --help".`);
  }
  const name = isGroup ? `${group} ${member}` : group;
  const meant = nearestTo(name, isGroup ? names : [...names, ...groups]);
  const hint = meant === null ? '' : `did you mean "waybill ${meant}"? Else `;
  throw new CliError(
    'usage',
    `There is no command "${name}"; ${hint}see "waybill ${isGroup ? `${group} ` : ''}--help".`,
  );
};

const find = ([first = '', second = '']: readonly string[]) => {
  for (const name of [`${first} ${second}`, first]) {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command !== undefined) return { name, command };
  }
  return null;
};

/** Asked of the bare arguments, for errors in them are to be JSON as well. */
const asksForJson = (args: readonly string[]): boolean => {
  const end = args.indexOf('--');
  return (end === -1 ? args : args.slice(0, end)).includes('--json');
};
