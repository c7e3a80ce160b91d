import type { FileObject } from '../../api/file-object.ts';
import type { FileStatus } from '../../core/file.ts';
import { cleanText } from '../clean-text.ts';
import { CliError } from '../cli-error.ts';
import type { Run } from '../command.ts';
import { cutToWidth } from '../display-width.ts';
import { EXIT_OK } from '../exit-codes.ts';
import { formatBytes, formatTime } from '../format-quantity.ts';
import { formatTable } from '../format-table.ts';
import type { listOptions } from '../options.ts';
import { printJson } from '../print-json.ts';
import { withClient } from '../with-client.ts';

const DEFAULT_LIMIT = '20';
const MAX_LIMIT = 10_000;
const LONGEST_NAME = 48;
const STATUSES: readonly FileStatus[] = ['uploaded', 'processed', 'error'];
const SIZE_COLUMN = 2;

/** `waybill files list`: one page. */
export const listFiles: Run<typeof listOptions> = async (call) => {
  const { values, io } = call;
  const { after, purpose, provider, q } = values;
  const limit = parseLimit(values.limit ?? DEFAULT_LIMIT);
  const status = parseStatus(values.status);
  const page = await withClient(call, (client) =>
    client.files.list({ limit, after, purpose, provider, status, q, signal: io.interrupted }),
  );
  if (values.json) {
    printJson(io.stdout, page);
    return EXIT_OK;
  }
  if (page.data.length === 0) io.stderr.write('There are no such files.\n');
  else io.stdout.write(formatTable([HEADINGS, ...page.data.map(toRow)], { right: [SIZE_COLUMN] }));
  if (page.has_more) io.stderr.write(`There are more: go on with --after ${cleanText(page.last_id ?? '')}\n`);
  return EXIT_OK;
};

const HEADINGS = ['ID', 'CREATED', 'SIZE', 'STATUS', 'PURPOSE', 'COPIES', 'NAME'];

const toRow = ({ id, filename, bytes, purpose, status, deliveries, created_at }: FileObject): string[] => [
  id,
  formatTime(created_at),
  formatBytes(bytes),
  status,
  purpose,
  deliveries.map((delivery) => `${delivery.provider}:${delivery.status}`).join(' ') || '-',
  cutToWidth(cleanText(filename), LONGEST_NAME),
];

const parseLimit = (text: string): number => {
  const limit = /^\d{1,5}$/u.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new CliError(
    'usage',
    `--limit takes a whole number from 1 to ${MAX_LIMIT}, not ${JSON.stringify(text)}.`,
  );
};

const parseStatus = (text: string | undefined): FileStatus | undefined => {
  const status = STATUSES.find((known) => known === text);
  if (text === undefined || status !== undefined) return status;
  throw new CliError('usage', `--status takes ${STATUSES.join(', ')}, not ${JSON.stringify(text)}.`);
};
