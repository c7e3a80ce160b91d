import { ClientError } from '../../client/client-error.ts';
import type { Waybill } from '../../client/index.ts';
import { cleanText } from '../clean-text.ts';
import { CliError } from '../cli-error.ts';
import type { Invocation, Run } from '../command.ts';
import { EXIT_OK } from '../exit-codes.ts';
import type { removeOptions } from '../options.ts';
import { printJson } from '../print-json.ts';
import { reportError } from '../report-error.ts';
import { withClient } from '../with-client.ts';

type Call = Invocation<typeof removeOptions>;

/** `waybill files rm`: one file after the other; one that fails does not keep the rest. */
export const removeFiles: Run<typeof removeOptions> = (call) =>
  withClient(call, async (client) => {
    const { operands, values, io } = call;
    let exitCode = EXIT_OK;
    for (const id of operands) {
      const code = await removeOne(client, id, call).catch(async (error) => {
        const concernsThis =
          error instanceof CliError || (error instanceof ClientError && error.code === 'not_found');
        if (!concernsThis || io.interrupted.aborted) throw error;
        return await reportError(error, io, { isJson: values.json ?? false });
      });
      exitCode = Math.max(exitCode, code);
    }
    return exitCode;
  });

const removeOne = async (client: Waybill, id: string, { values, io }: Call): Promise<number> => {
  const isConfirmed = values.wait ?? false;
  const deleted = await client.files.delete(id, { isConfirmed, signal: io.interrupted });
  const isGone = deleted.removed_from_providers;
  if (values.json) printJson(io.stdout, deleted);
  else
    io.stdout.write(`${cleanText(deleted.id)}  ${isGone ? 'deleted' : 'deleted, its copies will be too'}\n`);
  if (isGone || !isConfirmed) return EXIT_OK;
  const message = `${id} is deleted, but a provider has not confirmed yet that its copy is gone; the gateway goes on trying.`;
  throw new CliError('not_confirmed', message);
};
