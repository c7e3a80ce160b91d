import { z } from 'zod';
import { awaitDeliveries, describeOutcome } from '../await-deliveries.ts';
import { defineTool } from '../tool.ts';
import { linkTo, toolFile, toToolFile } from '../tool-file.ts';

export const deliverFile = defineTool({
  name: 'deliver_file',
  title: 'Deliver file',
  description: 'Deliver a file to a provider, or again after a failure.',
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  scope: 'files:write',
  action: 'delivery.create',
  input: z.strictObject({ id: z.string(), provider: z.string() }),
  output: toolFile,
  run: async ({ id, provider }, call) => {
    const startedAtMs = performance.now();
    const asked = await call.files.deliver(id, { provider, signal: call.signal });
    const file = await awaitDeliveries(asked, call, startedAtMs);
    return { structured: toToolFile(file), text: describeOutcome(file), links: [linkTo(file)] };
  },
});
