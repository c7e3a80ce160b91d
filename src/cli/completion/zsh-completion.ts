import type { Completion, Options } from '../options.ts';
import { type Commands, commandWords } from './command-words.ts';

/** For zsh: `_arguments` and `_describe` of its completion system, zshcompsys(1). */
export const zshCompletion = (commands: Commands): string => {
  const { first, groups } = commandWords(commands);
  const cases = Object.entries(commands).map(
    ([name, { options, operands }]) =>
      `    ${quoted(name)})\n      _arguments -s -S ${[...optionSpecs(options), `'*:${operands.name || 'argument'}:${action(operands.completes)}'`].join(' \\\n        ')} ;;`,
  );
  const groupCases = [...groups].map(
    ([group, members]) =>
      `    ${group})\n      if (( CURRENT == 3 )); then compadd -- ${members.join(' ')}; return; fi\n      name="$name $words[3]"; depth=2 ;;`,
  );
  return `#compdef waybill
# Completions of waybill for zsh. In ~/.zshrc, behind compinit: source <(waybill completion zsh)
_waybill() {
  local name=$words[2] depth=1
  if (( CURRENT == 2 )); then
    compadd -- ${first.join(' ')} --help --version
    return
  fi
  case $name in
${groupCases.join('\n')}
    help) compadd -- ${first.filter((word) => word !== 'help').join(' ')}; return ;;
  esac
  # What is left is read as a command of its own.
  words=("$name" "\${(@)words[depth+2,-1]}")
  (( CURRENT -= depth ))
  case $name in
${cases.join('\n')}
  esac
}
compdef _waybill waybill
`;
};

const optionSpecs = (options: Options): string[] =>
  Object.entries(options).flatMap(([name, option]) => {
    const { type, short, value = '', summary, completes } = option;
    const text = `[${escaped(summary)}]`;
    const argument = type === 'boolean' ? '' : `:${escaped(value)}:${action(completes)}`;
    const long = `--${name}${type === 'boolean' ? '' : '='}${text}${argument}`;
    return short === undefined ? [quoted(long)] : [quoted(long), quoted(`-${short}${text}${argument}`)];
  });

const action = (completion: Completion | undefined): string => {
  if (completion === undefined) return ' ';
  if (completion === 'paths') return '_files';
  return 'choices' in completion
    ? `(${completion.choices.map(escaped).join(' ')})`
    : `_values -s , word ${completion.words.map(escaped).join(' ')}`;
};

/** Colons and brackets have a meaning in specifications. */
const escaped = (text: string): string => text.replace(/[[\]:\\]/gu, String.raw`\$&`);
const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
