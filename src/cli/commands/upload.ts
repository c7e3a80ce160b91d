import type { EventObject } from '../../api/event-object.ts';
import type { FileObject } from '../../api/file-object.ts';
import type { Client } from '../../client/client.ts';
import { ClientError } from '../../client/client-error.ts';
import { systemCode } from '../../core/errors.ts';
import { cleanText } from '../clean-text.ts';
import { CliError } from '../cli-error.ts';
import type { Invocation, Run } from '../command.ts';
import { digestOf } from '../digest-of.ts';
import { EXIT_OK } from '../exit-codes.ts';
import type { uploadOptions } from '../options.ts';
import { patiently } from '../patiently.ts';
import { printJson } from '../print-json.ts';
import { reportError } from '../report-error.ts';
import { createUploadReport, type UploadReport } from '../upload-report.ts';
import { openSource, type UploadSource, unreadable } from '../upload-source.ts';
import { withClient } from '../with-client.ts';

type Call = Invocation<typeof uploadOptions>;

/** `waybill upload`: one file after the other; one that fails does not keep the rest back. */
export const upload: Run<typeof uploadOptions> = async (call) => {
  const { operands, values, io } = call;
  if (values.filename !== undefined && operands.length > 1) {
    throw new CliError('usage', '--filename names one file; upload the others by calls of their own.');
  }
  const isJson = values.json ?? false;
  return withClient(call, async (client) => {
    let exitCode = EXIT_OK;
    for (const path of operands) {
      const code = await uploadOne(client, path, call).catch(async (error) => {
        if (concernsAll(error) || io.interrupted.aborted) throw error;
        return await reportError(error, io, { isJson });
      });
      exitCode = Math.max(exitCode, code);
    }
    return exitCode;
  });
};

/** Whether the next file would fail for the same reason. */
const CONCERNING_ALL: ReadonlySet<string> = new Set([
  'gateway_unreachable',
  'unexpected_answer',
  'invalid_token',
  'token_expired',
  'insufficient_scope',
  'usage',
]);
const concernsAll = (error: unknown): boolean =>
  (error instanceof ClientError || error instanceof CliError) && CONCERNING_ALL.has(error.code);

const uploadOne = async (client: Client, path: string, { values, io }: Call): Promise<number> => {
  const source = await openSource(path, { filename: values.filename, io });
  // With --json, whatever reads `stderr` expects errors there and nothing else.
  const report = values.json && !io.isTerminal ? null : createUploadReport(io, source);
  try {
    const patience = { onWait: (waitMs: number) => report?.waiting(waitMs), signal: io.interrupted };
    const sendOnce = () => send(client, { path, source, report }, { values, io });
    // What has no size cannot be read twice.
    const received = await (source.sizeBytes === null ? sendOnce() : patiently(sendOnce, patience));
    const file = await patiently(() => follow(client, received, { report, io }), patience);
    report?.close();
    if (values.json) printJson(io.stdout, file);
    else io.stdout.write(`${[file.id, file.status, file.filename].map(cleanText).join('  ')}\n`);
    if (file.status !== 'error') return EXIT_OK;
    throw new ClientError('provider_rejected', `No provider took ${source.filename}; ${refusals(file)}`, {
      fileId: file.id,
    });
  } finally {
    report?.close();
  }
};

const send = async (
  client: Client,
  { path, source, report }: { path: string; source: UploadSource; report: UploadReport | null },
  { values, io }: Pick<Call, 'values' | 'io'>,
): Promise<FileObject> => {
  const { filename } = source;
  const wanted = { purpose: values.purpose, provider: values.to, signal: io.interrupted };
  const sending = new AbortController();
  if (report !== null && io.isTerminal) {
    const signal = AbortSignal.any([io.interrupted, sending.signal]);
    void showForwarding(client.events({ signal }), source, report);
  }
  try {
    const digest = await digestOf(source, io.interrupted);
    const known = digest === null ? null : await client.uploadKnown({ ...wanted, ...digest, filename });
    if (known !== null) {
      report?.known(known);
      return known;
    }
    const received = await client.upload({
      ...source,
      ...wanted,
      ...(report === null ? {} : { onProgress: report.sent }),
    });
    report?.received(received);
    return received;
  } catch (error) {
    if (io.interrupted.aborted) {
      const message = `Interrupted before ${filename} was safe at the gateway; send it again.`;
      throw new CliError('interrupted', message, { cause: error });
    }
    if (error instanceof ClientError || systemCode(error) === null) throw error;
    throw unreadable(path, error);
  } finally {
    sending.abort();
  }
};

/**
 * Shows what goes on to providers while the file is sent. Its id is not known yet, so that it is told by name and size; of
 * two that are the same in both, one may be shown for the other. A gateway without events is done without.
 */
const showForwarding = async (
  events: AsyncIterable<EventObject>,
  { filename, sizeBytes }: UploadSource,
  report: UploadReport,
): Promise<void> => {
  try {
    for await (const { type, data } of events) {
      const isOurs = type === 'file.progress' && data.filename === filename && data.bytes === sizeBytes;
      if (isOurs) report.forwarded(data.deliveries);
    }
  } catch {
    // The upload goes on; what is wrong with the gateway, it will meet as well.
  }
};

const follow = async (
  client: Client,
  { id }: FileObject,
  { report, io }: { report: UploadReport | null; io: Call['io'] },
): Promise<FileObject> => {
  try {
    return await client.settled(id, {
      ...(report === null ? {} : { onChange: report.changed, isListening: true }),
      signal: io.interrupted,
    });
  } catch (error) {
    if (!io.interrupted.aborted) throw error;
    const message = `Interrupted: ${id} is safe at the gateway and its deliveries go on; look with "waybill files show ${id}".`;
    throw new CliError('interrupted', message, { cause: error });
  }
};

const refusals = ({ id, deliveries }: FileObject): string => {
  const reasons = deliveries.map(
    ({ provider, error }) => `${provider}: ${error?.message ?? 'no reason given'}`,
  );
  return `${reasons.join('; ')}; it stays at the gateway as ${id}.`;
};
