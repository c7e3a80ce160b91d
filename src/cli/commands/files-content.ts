import { text } from 'node:stream/consumers';
import type { Waybill } from '../../client/index.ts';
import { unwrapText } from '../../core/unwrap-text.ts';
import { cleanLines } from '../clean-text.ts';
import { CliError } from '../cli-error.ts';
import type { Run } from '../command.ts';
import { EXIT_OK } from '../exit-codes.ts';
import type { contentOptions } from '../options.ts';
import { printJson } from '../print-json.ts';
import { withClient } from '../with-client.ts';

/** `waybill files content`: the text, from the provider asked for or the first that has it. */
export const printContent: Run<typeof contentOptions> = async (call) => {
  const { operands, values, io } = call;
  const [id = ''] = operands;
  const signal = io.interrupted;
  const { from, content } = await withClient(call, async (client) => {
    const provider = values.from ?? (await providerWithText(client, id, signal));
    const { body } = await client.files.content(id, { from: provider, signal });
    return { from: provider, content: await text(unwrapText(body)) };
  });
  if (values.json) printJson(io.stdout, { id, from, content });
  else io.stdout.write(io.isOutputTerminal ? `${cleanLines(content)}\n` : content);
  return EXIT_OK;
};

const providerWithText = async (client: Waybill, id: string, signal: AbortSignal): Promise<string> => {
  const [file, providers] = await Promise.all([
    client.files.retrieve(id, { signal }),
    client.providers({ signal }),
  ]);
  const extracting = new Set(providers.flatMap(({ id: name, content }) => (content === 'none' ? [] : name)));
  const found = file.deliveries.find(
    ({ provider, status }) => status === 'completed' && extracting.has(provider),
  );
  if (found !== undefined) return found.provider;
  const message = `No provider has a text of ${id}; for its bytes use "waybill files download ${id}".`;
  throw new CliError('no_text', message);
};
