import type { QuotaObject } from '../../api/quota-object.ts';
import { parseQuantity } from '../../platform/parse-quantity.ts';
import { cleanText } from '../clean-text.ts';
import { CliError } from '../cli-error.ts';
import type { Invocation, Run } from '../command.ts';
import { EXIT_OK } from '../exit-codes.ts';
import { formatBytes } from '../format-quantity.ts';
import { formatTable } from '../format-table.ts';
import type { quotaOptions, setQuotaOptions } from '../options.ts';
import { printJson } from '../print-json.ts';
import { withClient } from '../with-client.ts';

/** `waybill quota get`: the caller's own, or with the scope `admin`, anybody's. */
export const getQuota: Run<typeof quotaOptions> = async (call) => {
  const { sub } = call.values;
  const signal = call.io.interrupted;
  const scopes = sub === undefined ? undefined : (['admin'] as const);
  print(await withClient(call, (client) => client.quota({ sub, signal }), scopes), call);
  return EXIT_OK;
};

/** `waybill quota set` */
export const setQuota: Run<typeof setQuotaOptions> = async (call) => {
  const { sub, ...values } = call.values;
  if (!sub) throw new CliError('usage', 'Say whose quota it is with --sub, for example --sub local.');
  const bytes = limit(values.bytes, '--bytes');
  const files = limit(values.files, '--files');
  if (bytes === undefined && files === undefined) {
    throw new CliError('usage', 'Say what to change: --bytes N, --files N, or both.');
  }
  const signal = call.io.interrupted;
  print(await withClient(call, (client) => client.setQuota(sub, { bytes, files, signal }), ['admin']), call);
  return EXIT_OK;
};

/** Null: what is configured for everybody. */
const limit = (text: string | undefined, option: string): number | null | undefined => {
  if (text === undefined) return undefined;
  if (text === 'default') return null;
  const value = parseQuantity(text);
  if (value !== null) return value;
  const example = option === '--bytes' ? '500 MB' : '1000';
  throw new CliError(
    'usage',
    `${option} takes a number such as ${JSON.stringify(example)}, 0 for no limit, or "default", not ${JSON.stringify(text)}.`,
  );
};

const print = (
  quota: QuotaObject,
  { values, io }: Pick<Invocation<typeof quotaOptions>, 'values' | 'io'>,
): void => {
  if (values.json) printJson(io.stdout, quota);
  else io.stdout.write(formatTable([['', 'kept', 'coming in', 'limit'], ...rowsOf(quota)]));
};

const rowsOf = ({ owner, bytes, files }: QuotaObject): string[][] => [
  [
    'bytes',
    formatBytes(bytes.used),
    formatBytes(bytes.reserved),
    bytes.limit === null ? 'none' : formatBytes(bytes.limit),
  ],
  ['files', String(files.used), String(files.reserved), files.limit === null ? 'none' : String(files.limit)],
  ['owner', cleanText(owner)],
];
