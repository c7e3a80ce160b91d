import type { Completion, Option, Options } from '../options.ts';
import { type Commands, commandWords } from './command-words.ts';

/**
 * For bash 3.2 and later, which macOS has. `COMPREPLY` is filled by hand: `compgen -W` would expand what is in the words.
 * Bash splits words at `:` and `=` (COMP_WORDBREAKS), so that both forms of an option's value arrive as words of their own.
 */
export const bashCompletion = (commands: Commands): string => {
  const { first, groups } = commandWords(commands);
  const groupCases = [...groups].map(
    ([group, members]) => `    ${group}) _waybill_words '${members.join(' ')}' ;;`,
  );
  const commandCases = Object.entries(commands).map(
    ([name, { options, operands }]) =>
      `    '${name}')\n${valueCases(options)}      if [[ $cur == -* ]]; then _waybill_words '${optionWords(options)}'\n      else ${offer(operands.completes)}\n      fi ;;`,
  );
  return `# Completions of waybill for bash. In ~/.bashrc: source <(waybill completion bash)
_waybill_words() {
  local word
  for word in $1; do
    if [[ $word == "$cur"* ]]; then COMPREPLY+=("$word"); fi
  done
}
# Several words with commas between: the last of them is completed, those before it stay.
_waybill_list() {
  local done='' word
  if [[ $cur == *,* ]]; then done=\${cur%,*},; fi
  for word in $1; do
    if [[ $done$word == "$cur"* && ,$done != *,$word,* ]]; then COMPREPLY+=("$done$word"); fi
  done
  compopt -o nospace 2>/dev/null
}
_waybill_paths() {
  local path
  while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen -f -- "$cur")
  compopt -o filenames 2>/dev/null
}
_waybill() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev='' name word index
  COMPREPLY=()
  if (( COMP_CWORD > 0 )); then prev=\${COMP_WORDS[COMP_CWORD-1]}; fi
  if [[ $cur == '=' ]]; then cur=''
  elif [[ $prev == '=' ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  if (( COMP_CWORD == 1 )); then
    _waybill_words '${first.join(' ')} --help --version'
    return
  fi
  name=\${COMP_WORDS[1]}
  case $name in
${[...groups.keys()]
  .map((group) => `    ${group})`)
  .join('\n')
  .replaceAll(')\n    ', '|')}
      if (( COMP_CWORD == 2 )); then
        case $name in
${groupCases.map((line) => `    ${line}`).join('\n')}
        esac
        return
      fi
      name="$name \${COMP_WORDS[2]}" ;;
  esac
  case $name in
${commandCases.join('\n')}
    help) _waybill_words '${first.filter((word) => word !== 'help').join(' ')}' ;;
  esac
}
complete -F _waybill waybill
`;
};

const optionWords = (options: Options): string =>
  Object.entries(options)
    .flatMap(([name, { short }]) => (short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`]))
    .join(' ');

/** What follows an option that takes a value: what it offers, or nothing. */
const valueCases = (options: Options): string => {
  const cases = Object.entries(options)
    .filter(([, { type }]) => type === 'string')
    .map(([name, option]) => `        ${spellings(name, option)}) ${offer(option.completes)}; return ;;\n`);
  return cases.length === 0 ? '' : `      case $prev in\n${cases.join('')}      esac\n`;
};

const spellings = (name: string, { short }: Option): string =>
  short === undefined ? `--${name}` : `--${name}|-${short}`;

const offer = (completion: Completion | undefined): string => {
  if (completion === undefined) return ':';
  if (completion === 'paths') return '_waybill_paths';
  return 'choices' in completion
    ? `_waybill_words '${completion.choices.join(' ')}'`
    : `_waybill_list '${completion.words.join(' ')}'`;
};
