import type { FileObject } from '../../api/file-object.ts';
import type { Run } from '../command.ts';
import { describeDelivery } from '../describe-delivery.ts';
import { EXIT_OK } from '../exit-codes.ts';
import { formatBytes, formatTime } from '../format-quantity.ts';
import { formatTable } from '../format-table.ts';
import type { showOptions } from '../options.ts';
import { printJson } from '../print-json.ts';
import { withClient } from '../with-client.ts';

/** `waybill files show` */
export const showFile: Run<typeof showOptions> = async (call) => {
  const { operands, values, io } = call;
  const [id = ''] = operands;
  const file = await withClient(call, (client) => client.files.retrieve(id, { signal: io.interrupted }));
  if (values.json) printJson(io.stdout, file);
  else io.stdout.write(formatTable(factsOf(file)) + copiesOf(file));
  return EXIT_OK;
};

const factsOf = (file: FileObject): string[][] => [
  ['id', file.id],
  ['name', file.filename],
  ['size', file.bytes < 1_024 ? `${file.bytes} B` : `${formatBytes(file.bytes)} (${file.bytes} bytes)`],
  ['type', file.media_type],
  ['purpose', file.purpose],
  ['status', [file.status, file.status_details].filter(Boolean).join(': ')],
  ['sha256', file.sha256],
  ['created', formatTime(file.created_at)],
  ['expires', file.expires_at === null ? 'never' : formatTime(file.expires_at)],
];

const copiesOf = ({ deliveries }: FileObject): string => {
  if (deliveries.length === 0) return '\nNo provider was asked to take it.\n';
  const rows = deliveries.map((delivery) => [delivery.provider, describeDelivery(delivery), delivery.reason]);
  return `\n${formatTable(rows)}`;
};
