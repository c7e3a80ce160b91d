import { z } from 'zod';
import type { FileObject } from '../../api/file-object.ts';
import { GatewayError } from '../../core/errors.ts';
import { awaitDeliveries, describeOutcome, receptionProgress } from '../await-deliveries.ts';
import type { Files } from '../files.ts';
import { type Disk, defineTool } from '../tool.ts';
import { linkTo, toolFile, toToolFile } from '../tool-file.ts';

/** How long taking a file back may take, whose client has gone. */
const TAKE_BACK_MS = 30_000;

const describe = (disk: Disk): string =>
  disk === 'local'
    ? 'Upload a file of this machine and deliver it to AI providers.'
    : "Upload a file of the server's disk and deliver it to AI providers. For a file elsewhere use create_upload_url.";

export const uploadFile = defineTool({
  name: 'upload_file',
  title: 'Upload file',
  description: describe,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  scope: 'files:write',
  action: 'file.create',
  input: z.strictObject({
    path: z.string().min(1).describe('Absolute path'),
    provider: z.string().optional().describe('auto (default), none, or names: kimi,glm'),
    purpose: z.string().optional(),
  }),
  output: toolFile,
  run: async ({ path, provider, purpose }, call) => {
    const { files, signal, progress } = call;
    const startedAtMs = performance.now();
    const name = path.split(/[\\/]/u).at(-1) ?? path;
    const safe = await files.upload({
      path,
      provider,
      purpose,
      signal,
      onProgress: (sentBytes, totalBytes) => progress.report(receptionProgress(name, sentBytes, totalBytes)),
    });
    const file = await awaitDeliveries(safe, call, startedAtMs).catch((error) =>
      signal.aborted ? takeBack(files, safe, error) : Promise.reject(error),
    );
    if (file.status === 'error') {
      const message = `No provider took the file ${file.id}. ${file.status_details ?? ''}`.trim();
      throw new GatewayError('provider_rejected', message, { fileId: file.id });
    }
    return {
      structured: toToolFile(file),
      text: describeOutcome(file),
      links: [linkTo(file)],
      fileId: file.id,
    };
  },
});

/** Nobody was told of the file: whoever cancels wants none of it. */
const takeBack = async (files: Files, { id }: FileObject, reason: unknown): Promise<never> => {
  await files.delete(id, { signal: AbortSignal.timeout(TAKE_BACK_MS) });
  throw reason;
};
