import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { Block } from './read-guide.ts';
import { parseSimpleToml } from './simple-toml.ts';

const run = promisify(execFile);

type Variables = Readonly<Record<string, string>>;

/** What a client starts or connects to. */
export type McpTarget =
  | {
      readonly kind: 'stdio';
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Variables;
    }
  | { readonly kind: 'http' | 'ws'; readonly url: string; readonly headers: Variables };

/** Reads a configuration as its client does, with the variables that the client itself has. Rejects what that would not take. */
type Reading = (text: string, environment: Variables) => McpTarget | Promise<McpTarget>;

const variables = z.record(z.string(), z.string()).default({});
const stdio = z.strictObject({ command: z.string(), args: z.array(z.string()).default([]), env: variables });
const remote = z.strictObject({ url: z.url(), headers: variables });

const fromStdio = (given: z.output<typeof stdio>): McpTarget => ({ kind: 'stdio', ...given });
const fromHttp = (given: z.output<typeof remote>): McpTarget => ({ kind: 'http', ...given });

const named = <T extends z.ZodType>(server: T) => z.strictObject({ waybill: server });

const expand = (text: string, names: RegExp, environment: Variables): string =>
  text.replace(names, (_, name: string) => {
    const value = environment[name];
    if (value === undefined) throw new Error(`The guide does not say where ${name} comes from.`);
    return value;
  });

// https://code.claude.com/docs/en/mcp: without a type it is stdio.
const claudeCode = z.strictObject({
  mcpServers: named(
    z.union([
      stdio
        .extend({ type: z.literal('stdio').optional() })
        .transform(({ type: _, ...rest }) => fromStdio(rest)),
      remote.extend({ type: z.literal('http') }).transform(({ type: _, ...rest }) => fromHttp(rest)),
      remote
        .extend({ type: z.literal('ws') })
        .transform(({ type, ...rest }): McpTarget => ({ kind: type, ...rest })),
    ]),
  ),
});

// https://modelcontextprotocol.io/docs/develop/connect-local-servers: programs only, and nothing is expanded.
const claudeDesktop = z.strictObject({ mcpServers: named(stdio.transform(fromStdio)) });

// https://cursor.com/docs/mcp: the members tell which kind it is.
const cursor = z.strictObject({
  mcpServers: named(z.union([stdio.transform(fromStdio), remote.transform(fromHttp)])),
});

// https://code.visualstudio.com/docs/copilot/reference/mcp-configuration: the type is required; inputs are asked of the user.
const vsCode = z.strictObject({
  inputs: z
    .array(
      z.strictObject({
        type: z.literal('promptString'),
        id: z.string(),
        description: z.string(),
        password: z.boolean(),
      }),
    )
    .default([]),
  servers: named(
    z.union([
      stdio.extend({ type: z.literal('stdio') }).transform(({ type: _, ...rest }) => fromStdio(rest)),
      remote.extend({ type: z.literal('http') }).transform(({ type: _, ...rest }) => fromHttp(rest)),
    ]),
  ),
});

const readVsCode: Reading = (text, environment) => {
  const { inputs } = vsCode.parse(JSON.parse(text));
  const answers = Object.fromEntries(inputs.map(({ id }) => [id, environment.WAYBILL_TOKEN ?? '']));
  return vsCode.parse(JSON.parse(expand(text, /\$\{input:([\w-]+)\}/gu, answers))).servers.waybill;
};

// https://geminicli.com/docs/tools/mcp-server: `url` would be server-sent events.
const gemini = z.strictObject({
  mcpServers: named(
    z.union([
      stdio.extend({ timeout: z.int().optional() }).transform(({ timeout: _, ...rest }) => fromStdio(rest)),
      z
        .strictObject({ httpUrl: z.url(), headers: variables })
        .transform(({ httpUrl, headers }) => fromHttp({ url: httpUrl, headers })),
    ]),
  ),
});

// https://developers.openai.com/codex/mcp: a token only by the name of a variable; programs get no variables but those named.
const codexTimes = { tool_timeout_sec: z.int().optional(), startup_timeout_sec: z.int().optional() };
const codex = z.strictObject({
  mcp_servers: named(
    z.union([
      stdio.extend({ ...codexTimes, env_vars: z.array(z.string()).default([]) }),
      z.strictObject({ ...codexTimes, url: z.url(), bearer_token_env_var: z.string() }),
    ]),
  ),
});

const readCodex: Reading = (text, environment) => {
  const { waybill } = codex.parse(parseSimpleToml(text)).mcp_servers;
  const variable = (name: string): string => expand(`$${name}`, /\$(\w+)/gu, environment);
  if ('url' in waybill)
    return fromHttp({
      url: waybill.url,
      headers: { Authorization: `Bearer ${variable(waybill.bearer_token_env_var)}` },
    });
  const { command, args, env, env_vars } = waybill;
  return fromStdio({
    command,
    args,
    env: { ...Object.fromEntries(env_vars.map((name) => [name, variable(name)])), ...env },
  });
};

/** `claude mcp add`, with the words that a shell makes of the line. `--env` and `--header` take all words up to the next option. */
const readClaudeCommand: Reading = async (text, environment) => {
  const script = `claude() { printf '%s\\0' "$@"; }\n${text}`;
  const { stdout } = await run('bash', ['-euc', script], { env: { PATH: process.env.PATH, ...environment } });
  const words = stdout.split('\0').slice(0, -1);
  if (words.splice(0, 2).join(' ') !== 'mcp add') throw new Error(`Not "claude mcp add": ${text}`);
  const end = words.indexOf('--');
  const program = end === -1 ? [] : words.splice(end).slice(1);
  const options: Record<string, string[]> = { '--env': [], '--header': [], '--transport': [], '--scope': [] };
  const plain: string[] = [];
  let taking: string[] | null = null;
  for (const word of words) {
    if (word.startsWith('-')) {
      taking = options[word] ?? null;
      if (taking === null) throw new Error(`"claude mcp add" has no ${word}.`);
    } else if (taking === null) {
      plain.push(word);
    } else {
      taking.push(word);
      if (taking !== options['--env'] && taking !== options['--header']) taking = null;
    }
  }
  const pairs = (given: readonly string[] | undefined, separator: RegExp): Variables =>
    Object.fromEntries(
      (given ?? []).map((word) => {
        const [, name, value] = separator.exec(word) ?? [];
        if (name === undefined || value === undefined) throw new Error(`Not a name with a value: ${word}`);
        return [name, value];
      }),
    );
  const [name, url] = plain;
  if (name !== 'waybill') throw new Error(`The name is not "waybill" but ${name}: ${text}`);
  const [command, ...args] = program;
  if (command !== undefined)
    return fromStdio(stdio.parse({ command, args, env: pairs(options['--env'], /^(\w+)=(.*)$/su) }));
  if (options['--transport']?.join() !== 'http') throw new Error(`Neither a program nor an address: ${text}`);
  return fromHttp(remote.parse({ url, headers: pairs(options['--header'], /^([\w-]+): (.*)$/su) }));
};

const READINGS: Readonly<Record<string, Reading>> = {
  'claude mcp add': readClaudeCommand,
  '.mcp.json': (text, environment) =>
    claudeCode.parse(JSON.parse(expand(text, /\$\{(\w+)\}/gu, environment))).mcpServers.waybill,
  'claude_desktop_config.json': (text) => claudeDesktop.parse(JSON.parse(text)).mcpServers.waybill,
  '.cursor/mcp.json': (text, environment) =>
    cursor.parse(JSON.parse(expand(text, /\$\{env:(\w+)\}/gu, environment))).mcpServers.waybill,
  '.vscode/mcp.json': readVsCode,
  '.codex/config.toml': readCodex,
  '.gemini/settings.json': (text, environment) =>
    gemini.parse(JSON.parse(expand(text, /\$\{?(\w+)\}?/gu, environment))).mcpServers.waybill,
};

/** A configuration in a guide. */
export interface McpConfiguration {
  /** The file it belongs to, or the command that makes it. */
  readonly place: string;
  readonly line: number;
  /** What its client would start or connect to. */
  target(environment: Variables): Promise<McpTarget>;
}

/** The configurations of a guide; null for a block that is none. The paragraph above the block names its place. */
export const toMcpConfiguration = ({ lead, text, line }: Block): McpConfiguration | null => {
  const spans = [...lead.matchAll(/`([^`]+)`/gu)].map(([, span]) => span ?? '');
  const places = spans.map((span) => Object.keys(READINGS).find((place) => span.endsWith(place)));
  const place = places.findLast((found) => found !== undefined);
  const reading = place === undefined ? undefined : READINGS[place];
  if (place === undefined || reading === undefined) return null;
  return { place, line, target: async (environment) => reading(text, environment) };
};
