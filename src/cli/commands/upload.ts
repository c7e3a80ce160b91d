import { CliError } from '../cli-error.ts';
import type { Run } from '../command.ts';
import { findUploads } from '../find-uploads.ts';
import type { uploadOptions } from '../options.ts';
import { type UploadCall, uploadAll } from '../upload-all.ts';
import { fromInput } from '../upload-source.ts';
import { withClient } from '../with-client.ts';

const DEFAULT_PARALLEL = 4;
const MAX_PARALLEL = 16;

/** `waybill upload` */
export const upload: Run<typeof uploadOptions> = async (call) => {
  const parallel = parseParallel(call.values.parallel);
  await checkNames(call);
  return await withClient(call, (client) => uploadAll(client, call, parallel));
};

const parseParallel = (text: string | undefined): number => {
  if (text === undefined) return DEFAULT_PARALLEL;
  const parallel = /^\d{1,2}$/u.test(text) ? Number(text) : 0;
  if (parallel >= 1 && parallel <= MAX_PARALLEL) return parallel;
  throw new CliError(
    'usage',
    `--parallel takes a whole number from 1 to ${MAX_PARALLEL}, not ${JSON.stringify(text)}.`,
  );
};

/** Before anything is sent: a name is for one file, and standard input needs one. */
const checkNames = async ({ operands, values: { filename }, io }: UploadCall): Promise<void> => {
  if (operands.includes('-')) fromInput(io, filename);
  if (filename === undefined) return;
  let count = operands.length > 1 ? 2 : 0;
  for await (const { kind } of findUploads(operands)) {
    if (kind === 'file' || kind === 'input') count += 1;
    if (count < 2) continue;
    throw new CliError('usage', '--filename names one file; upload the others by calls of their own.');
  }
};
