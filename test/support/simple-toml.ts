const HEADER = /^\[([\w.]+)\]$/u;
const PAIR = /^(\w+) = (.+)$/u;

/**
 * The TOML that configurations of MCP clients need: tables, and keys with strings, numbers and arrays of them in one line,
 * written as JSON writes them. Throws for anything else, and for a key or table that is there already.
 */
export const parseSimpleToml = (text: string): unknown => {
  const root: Record<string, unknown> = {};
  let table = root;
  for (const line of text.split('\n')) {
    const [, header] = HEADER.exec(line) ?? [];
    const [, key, value] = PAIR.exec(line) ?? [];
    if (header !== undefined) {
      table = header.split('.').reduce((parent, name) => inner(parent, name), root);
      if (Object.keys(table).length > 0) throw new Error(`Twice: ${line}`);
    } else if (key !== undefined && value !== undefined) {
      if (key in table) throw new Error(`Twice: ${line}`);
      table[key] = JSON.parse(value);
    } else if (line.trim() !== '') {
      throw new Error(`Not read: ${line}`);
    }
  }
  return root;
};

const inner = (parent: Record<string, unknown>, name: string): Record<string, unknown> => {
  parent[name] ??= {};
  return parent[name] as Record<string, unknown>;
};
