import { type Command, defineCommand } from './command.ts';
import {
  cleanupOptions,
  commonOptions,
  contentOptions,
  downloadOptions,
  importOptions,
  listOptions,
  mcpOptions,
  quotaOptions,
  reconcileOptions,
  removeOptions,
  setQuotaOptions,
  showOptions,
  tokenOptions,
  uploadOptions,
} from './options.ts';

const ONE_ID = { name: 'ID', min: 1, max: 1 };
const ONE_DIRECTORY = { name: 'DIR', min: 1, max: 1, completes: 'paths' } as const;

/** Every command by its name, in the order of the overview. Nothing of a command is loaded before it runs. */
export const commands: Readonly<Record<string, Command>> = {
  serve: defineCommand({
    summary: 'Run the gateway',
    usage: '',
    options: commonOptions,
    load: async () => (await import('./commands/serve.ts')).serve,
  }),
  upload: defineCommand({
    summary: 'Upload files and wait until they are at their providers',
    usage: '<path…>',
    operands: { name: 'path', min: 1, max: Number.POSITIVE_INFINITY, completes: 'paths' },
    options: uploadOptions,
    load: async () => (await import('./commands/upload.ts')).upload,
  }),
  'files list': defineCommand({
    summary: 'List your files, the newest first',
    usage: '',
    options: listOptions,
    load: async () => (await import('./commands/files-list.ts')).listFiles,
  }),
  'files show': defineCommand({
    summary: 'Show a file and its copies at the providers',
    usage: '<ID>',
    operands: ONE_ID,
    options: showOptions,
    load: async () => (await import('./commands/files-show.ts')).showFile,
  }),
  'files content': defineCommand({
    summary: 'Print the text that a provider extracted',
    usage: '<ID>',
    operands: ONE_ID,
    options: contentOptions,
    load: async () => (await import('./commands/files-content.ts')).printContent,
  }),
  'files download': defineCommand({
    summary: 'Save the original bytes',
    usage: '<ID>',
    operands: ONE_ID,
    options: downloadOptions,
    load: async () => (await import('./commands/files-download.ts')).downloadFile,
  }),
  'files rm': defineCommand({
    summary: 'Delete files, here and at every provider',
    usage: '<ID…>',
    operands: { name: 'ID', min: 1, max: Number.POSITIVE_INFINITY },
    options: removeOptions,
    load: async () => (await import('./commands/files-rm.ts')).removeFiles,
  }),
  'token create': defineCommand({
    summary: "Print a token signed with the gateway's secret",
    usage: '--sub S',
    options: tokenOptions,
    load: async () => (await import('./commands/token-create.ts')).createToken,
  }),
  'quota get': defineCommand({
    summary: 'Show what a user may keep and keeps',
    usage: '[--sub S]',
    options: quotaOptions,
    load: async () => (await import('./commands/quota.ts')).getQuota,
  }),
  'quota set': defineCommand({
    summary: 'Change what a user may keep',
    usage: '--sub S [--bytes N] [--files N]',
    options: setQuotaOptions,
    load: async () => (await import('./commands/quota.ts')).setQuota,
  }),
  cleanup: defineCommand({
    summary: 'Remove what has ended: files past their time, and leftovers',
    usage: '',
    options: cleanupOptions,
    load: async () => (await import('./commands/cleanup.ts')).cleanUp,
  }),
  reconcile: defineCommand({
    summary: 'Compare the record with the providers',
    usage: '',
    options: reconcileOptions,
    load: async () => (await import('./commands/reconcile.ts')).reconcile,
  }),
  backup: defineCommand({
    summary: 'Copy the record and the original bytes to a directory',
    usage: '<DIR>',
    operands: ONE_DIRECTORY,
    options: commonOptions,
    load: async () => (await import('./commands/backup.ts')).backup,
  }),
  restore: defineCommand({
    summary: 'Fill an empty installation from a backup',
    usage: '<DIR>',
    operands: ONE_DIRECTORY,
    options: commonOptions,
    load: async () => (await import('./commands/backup.ts')).restore,
  }),
  'import-legacy': defineCommand({
    summary: 'Take over the copies that an earlier system has recorded',
    usage: '--from URL [--dry-run] [--owner SUB]',
    options: importOptions,
    load: async () => (await import('./commands/import-legacy.ts')).importLegacy,
  }),
  mcp: defineCommand({
    summary: 'Serve an agent over MCP on standard input and output',
    usage: '',
    options: mcpOptions,
    load: async () => (await import('./commands/mcp.ts')).serveMcp,
  }),
  'config check': defineCommand({
    summary: 'Check the environment and print the effective values',
    usage: '',
    options: commonOptions,
    load: async () => (await import('./commands/config-check.ts')).checkConfig,
  }),
  completion: defineCommand({
    summary: 'Print what makes a shell complete commands, options and files',
    usage: 'bash|zsh|fish',
    operands: { name: 'shell', min: 1, max: 1, completes: { choices: ['bash', 'zsh', 'fish'] } },
    options: commonOptions,
    load: async () => (await import('./commands/completion.ts')).printCompletion,
  }),
};
