import { once } from 'node:events';
import type { FileObject } from '../../api/file-object.ts';
import { cleanText } from '../clean-text.ts';
import { CliError } from '../cli-error.ts';
import type { Invocation, Run } from '../command.ts';
import { EXIT_OK } from '../exit-codes.ts';
import { formatBytes } from '../format-quantity.ts';
import type { downloadOptions } from '../options.ts';
import { printJson } from '../print-json.ts';
import { chooseTarget, saveFile } from '../save-file.ts';
import { withClient } from '../with-client.ts';

type Call = Invocation<typeof downloadOptions>;

/** `waybill files download`: the bytes, checked, under a name that holds all of them or is not there. */
export const downloadFile: Run<typeof downloadOptions> = async (call) => {
  const { operands, values, io } = call;
  const [id = ''] = operands;
  const isPiped = values.output === '-';
  if (isPiped && (io.isOutputTerminal || values.json)) {
    const message =
      'The bytes of a file are not for a terminal or in JSON; use -o FILE, or a pipe without --json.';
    throw new CliError('usage', message);
  }
  return withClient(call, async (client) => {
    const { file, body } = await client.files.download(id, { signal: io.interrupted });
    if (isPiped) await pipe(body, io);
    else {
      const isForced = values.force ?? false;
      const target = await chooseTarget(file.filename, { output: values.output, isForced });
      await saveFile(body, { target, isForced });
      say(call, file, target);
    }
    return EXIT_OK;
  });
};

const pipe = async (body: AsyncIterable<Uint8Array>, { stdout }: Call['io']): Promise<void> => {
  for await (const chunk of body) {
    if (!stdout.write(chunk)) await once(stdout, 'drain');
  }
};

const say = ({ values, io }: Call, { id, bytes, sha256 }: FileObject, path: string): void => {
  if (values.json) printJson(io.stdout, { id, path, bytes, sha256 });
  else io.stdout.write(`${cleanText(path)}  ${formatBytes(bytes)}, SHA-256 is right\n`);
};
