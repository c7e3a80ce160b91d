import type { PassObject } from '../api/pass-object.ts';
import type { WantedPass } from '../client/passes.ts';
import { cleanText } from './clean-text.ts';
import { coloursOf } from './colours.ts';
import type { Invocation } from './command.ts';
import { EXIT_FAILED, EXIT_OK } from './exit-codes.ts';
import type { cleanupOptions } from './options.ts';
import { printJson } from './print-json.ts';
import { withClient } from './with-client.ts';

type Call = Pick<
  Invocation<Pick<typeof cleanupOptions, 'url' | 'token' | 'json'>>,
  'values' | 'io' | 'local'
>;

/**
 * Has a pass run at the gateway, waits for its end, and prints it: what `describe` makes of it, and why it did not come to
 * its end. Answers with the exit code. On Ctrl-C the pass goes on.
 */
export const runPass = async (
  call: Call,
  wanted: WantedPass,
  describe: (pass: PassObject) => string,
): Promise<number> => {
  const { values, io } = call;
  const signal = io.interrupted;
  const pass = await withClient(
    call,
    async ({ passes }) => passes.ended((await passes.begin({ ...wanted, signal })).id, { signal }),
    ['admin'],
  );
  if (values.json) printJson(io.stdout, pass);
  else {
    io.stdout.write(describe(pass));
    if (pass.status !== 'completed') {
      const text = `${cleanText(pass.message ?? 'It did not come to its end.')} (${pass.status}, ${pass.id})`;
      io.stderr.write(`${coloursOf(io.isTerminal, io.env).bad('waybill:')} ${text}\n`);
    }
  }
  return pass.status === 'completed' ? EXIT_OK : EXIT_FAILED;
};
