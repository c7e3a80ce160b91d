import type { Completion, Option } from '../options.ts';
import { type Commands, commandWords } from './command-words.ts';

/** For fish: one `complete` for each word, with the condition under which it is offered. */
export const fishCompletion = (commands: Commands): string => {
  const { first, groups } = commandWords(commands);
  const lines = [
    `complete -c waybill -n '__waybill_at 0' -a ${quoted(first.join(' '))}`,
    "complete -c waybill -n '__waybill_at 0' -l help -s h -d 'Show the help'",
    "complete -c waybill -n '__waybill_at 0' -l version -d 'Show the version'",
    ...[...groups].map(
      ([group, members]) =>
        `complete -c waybill -n '__waybill_at 1 ${group}' -a ${quoted(members.join(' '))}`,
    ),
    ...Object.entries(commands).flatMap(([name, { options, operands }]) => [
      ...(operands.completes === undefined
        ? []
        : [`complete -c waybill -n '__waybill_in ${name}'${offer(operands.completes)}`]),
      ...Object.entries(options).map(([option, shape]) => optionLine(name, option, shape)),
    ]),
  ];
  return `# Completions of waybill for fish. In ~/.config/fish/config.fish: waybill completion fish | source
# Whether just these words, and so many in all, have been given.
function __waybill_at
    set -l given (commandline -opc)
    set -l wanted $argv[2..-1]
    test (count $given) -eq (math $argv[1] + 1); or return 1
    test "$given[2..-1]" = "$wanted"
end
# Whether the command begins with these words.
function __waybill_in
    set -l given (commandline -opc)
    test (count $given) -gt (count $argv); or return 1
    test "$given[2..$(math (count $argv) + 1)]" = "$argv"
end
# Several words with commas between: the last of them is completed, those before it stay.
function __waybill_list
    set -l token (commandline -ct | string replace -r -- '^--[^=]*=' '')
    set -l given (string match -r -- '^.*,' $token)
    for word in $argv
        contains -- $word (string split , -- $given); or echo "$given$word"
    end
end
complete -c waybill -f
${lines.join('\n')}
`;
};

const optionLine = (name: string, option: string, { type, short, summary, completes }: Option): string => {
  const spelling = `-l ${option}${short === undefined ? '' : ` -s ${short}`}`;
  const value = type === 'boolean' ? '' : ` -r${completes === undefined ? ' -f' : offer(completes)}`;
  return `complete -c waybill -n '__waybill_in ${name}' ${spelling}${value} -d ${quoted(summary)}`;
};

const offer = (completion: Completion): string => {
  if (completion === 'paths') return ' -F';
  return 'choices' in completion
    ? ` -f -a ${quoted(completion.choices.join(' '))}`
    : ` -f -a ${quoted(`(__waybill_list ${completion.words.join(' ')})`)}`;
};

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
