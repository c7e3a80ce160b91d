import { providerIds } from '../core/provider.ts';

/** What a shell offers where a word is to be completed: paths, or words, of which several go into `words` with commas between. */
export type Completion =
  | 'paths'
  | { readonly choices: readonly string[] }
  | { readonly words: readonly string[] };

/** An option of a command, as `parseArgs` takes it and as the help shows it. */
export interface Option {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  /** What stands for the value in the help. */
  readonly value?: string;
  /** What a shell offers for the value. */
  readonly completes?: Completion;
  readonly summary: string;
}
export type Options = Readonly<Record<string, Option>>;

type ValueOf<T extends Option['type']> = T extends 'boolean' ? boolean : string;

/** What was given for each option. */
export type Values<O extends Options> = {
  readonly [Name in keyof O]?: ValueOf<O[Name]['type']> | undefined;
};

/** Options of every command; `--json` also makes errors JSON. */
export const commonOptions = {
  json: { type: 'boolean', summary: 'Print JSON, errors too' },
  help: { type: 'boolean', short: 'h', summary: 'Show this help' },
} as const satisfies Options;

const gateway = {
  url: { type: 'string', value: 'URL', summary: 'Gateway (WAYBILL_URL; default: the one of this machine)' },
  token: {
    type: 'string',
    value: 'TOKEN',
    summary: "Token (WAYBILL_TOKEN; default: signed here for this machine's)",
  },
  ...commonOptions,
} as const satisfies Options;

export const mcpOptions = {
  url: {
    type: 'string',
    value: 'URL',
    summary: 'Gateway (WAYBILL_URL; default: the one of this machine, started if need be)',
  },
  token: gateway.token,
  ...commonOptions,
} as const satisfies Options;

export const uploadOptions = {
  to: {
    type: 'string',
    value: 'PROVIDERS',
    completes: { words: [...providerIds, 'auto', 'none'] },
    summary: 'Names with commas, such as kimi,glm; auto (default); none',
  },
  purpose: { type: 'string', value: 'P', summary: 'What the files are for (default: user_data)' },
  filename: { type: 'string', value: 'NAME', summary: 'Its name; needed for standard input' },
  parallel: { type: 'string', value: 'N', summary: 'Files to send at a time, 1 to 16 (default: 4)' },
  'no-resume': { type: 'boolean', summary: 'Begin anew instead of going on where an upload was cut off' },
  quiet: { type: 'boolean', short: 'q', summary: 'Say nothing but results and errors' },
  ...gateway,
} as const satisfies Options;

export const listOptions = {
  limit: { type: 'string', value: 'N', summary: 'Files to list, 1 to 10000 (default: 20)' },
  after: { type: 'string', value: 'ID', summary: 'Go on behind this file' },
  purpose: { type: 'string', value: 'P', summary: 'Only of this purpose' },
  provider: {
    type: 'string',
    value: 'NAME',
    completes: { choices: providerIds },
    summary: 'Only with a copy for this provider',
  },
  status: {
    type: 'string',
    value: 'S',
    completes: { choices: ['uploaded', 'processed', 'error'] },
    summary: 'Only uploaded, processed or error',
  },
  q: { type: 'string', value: 'TEXT', summary: 'Only with this in the name, in any case' },
  ...gateway,
} as const satisfies Options;

export const showOptions = { ...gateway } as const satisfies Options;

export const contentOptions = {
  from: {
    type: 'string',
    value: 'PROVIDER',
    completes: { choices: providerIds },
    summary: 'Whose text (default: the first that has one)',
  },
  ...gateway,
} as const satisfies Options;

export const downloadOptions = {
  output: {
    type: 'string',
    short: 'o',
    value: 'FILE',
    completes: 'paths',
    summary: 'Where to (default: its name, here); - is standard output',
  },
  force: { type: 'boolean', summary: 'Replace a file that is there' },
  ...gateway,
} as const satisfies Options;

export const removeOptions = {
  wait: { type: 'boolean', summary: 'Wait until every provider has confirmed the removal' },
  ...gateway,
} as const satisfies Options;

export const quotaOptions = {
  sub: { type: 'string', value: 'S', summary: 'Whose (get: default: yours)' },
  ...gateway,
} as const satisfies Options;

export const setQuotaOptions = {
  ...quotaOptions,
  bytes: {
    type: 'string',
    value: 'N',
    summary: 'Bytes, such as 500 MB; 0: no limit; default: as configured',
  },
  files: { type: 'string', value: 'N', summary: 'Files; 0: no limit; default: as configured' },
} as const satisfies Options;

export const cleanupOptions = {
  'dry-run': { type: 'boolean', summary: 'Only tell what there is to remove' },
  force: {
    type: 'boolean',
    summary: 'Remove also what a cleanup stops before, such as a third of all files',
  },
  ...gateway,
} as const satisfies Options;

export const reconcileOptions = {
  'dry-run': { type: 'boolean', summary: 'Only tell what differs (as without any option)' },
  repair: { type: 'boolean', summary: 'Settle what differs' },
  force: { type: 'boolean', summary: 'Settle it also where a list misses many copies' },
  ...gateway,
} as const satisfies Options;

export const importOptions = {
  from: { type: 'string', value: 'URL', summary: 'Database of the earlier system, postgres://… (needed)' },
  schema: { type: 'string', value: 'NAME', summary: 'Where its tables are (default: public)' },
  'dry-run': { type: 'boolean', summary: 'Only tell what would be imported, and why the rest would not' },
  owner: {
    type: 'string',
    value: 'SUB',
    summary: 'Whose all files become (default: as recorded, else local)',
  },
  ...commonOptions,
} as const satisfies Options;

export const tokenOptions = {
  sub: { type: 'string', value: 'S', summary: 'Whose files it is for (needed)' },
  scope: {
    type: 'string',
    value: 'SCOPES',
    completes: { words: ['files:read', 'files:write', 'admin'] },
    summary: 'Of files:read, files:write, admin (default: read and write)',
  },
  ttl: { type: 'string', value: 'TTL', summary: 'How long it is good, in s, m, h or d (default: 30d)' },
  ...commonOptions,
} as const satisfies Options;
