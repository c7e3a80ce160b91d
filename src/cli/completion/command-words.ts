import type { Command } from '../command.ts';

export type Commands = Readonly<Record<string, Command>>;

/** What may stand first, and behind each group's name: `files` with `list`, `show`, … */
export const commandWords = (
  commands: Commands,
): { readonly first: readonly string[]; readonly groups: ReadonlyMap<string, readonly string[]> } => {
  const groups = new Map<string, string[]>();
  const first = new Set<string>();
  for (const name of Object.keys(commands)) {
    const [group = '', member] = name.split(' ');
    first.add(group);
    if (member !== undefined) groups.set(group, [...(groups.get(group) ?? []), member]);
  }
  return { first: [...first, 'help'], groups };
};
