import { dirname, join } from 'node:path';
import type { FileObject } from '../api/file-object.ts';
import { ClientError } from '../client/client-error.ts';
import { createResumeDirectory, type Waybill } from '../client/index.ts';
import { cleanText } from './clean-text.ts';
import { CliError } from './cli-error.ts';
import { coloursOf } from './colours.ts';
import type { Invocation } from './command.ts';
import { EXIT_FAILED, EXIT_OK } from './exit-codes.ts';
import { type Found, findUploads } from './find-uploads.ts';
import { type FinishedUploads, openFinishedUploads } from './finished-uploads.ts';
import { type Forwarding, followForwarding } from './follow-forwarding.ts';
import { forEachParallel } from './for-each-parallel.ts';
import type { uploadOptions } from './options.ts';
import { printJson } from './print-json.ts';
import { reportError } from './report-error.ts';
import { resumeDirectoryOf } from './resume-directory.ts';
import { type Sending, sendFile } from './send-file.ts';
import { shellLine } from './shell-line.ts';
import { createStatusLines, type StatusLines } from './status-lines.ts';
import { createUploadReport, type Loudness } from './upload-report.ts';
import { type FileToUpload, fromInput, fromPath } from './upload-source.ts';
import { createTally, type Tally } from './upload-tally.ts';

export type UploadCall = Invocation<typeof uploadOptions>;

/** What all files of one call share. */
interface Session {
  readonly call: UploadCall;
  readonly sending: Sending;
  readonly lines: StatusLines;
  readonly forwarding: Forwarding;
  readonly finished: FinishedUploads;
  readonly tally: Tally;
  readonly waits: Map<string, number>;
}

/**
 * Sends all that the operands of a call name, `parallel` files at a time, and answers with the exit code. One that fails
 * does not keep the rest back; rejects with what would fail every other as well, or what the user has done to it.
 */
export const uploadAll = async (client: Waybill, call: UploadCall, parallel: number): Promise<number> => {
  const { operands, io } = call;
  const stop = new AbortController();
  const session = await openSession(client, call, AbortSignal.any([io.interrupted, stop.signal]));
  const { sending, lines, finished, tally } = session;
  const isTalking = sending.loudness !== 'nothing';
  try {
    if (finished.count > 0 && isTalking) lines.print(`goes on behind ${finished.count} that have been sent`);
    await forEachParallel(findUploads(operands), { parallel, stop }, async (found) => {
      sending.signal.throwIfAborted();
      if (found.kind === 'wrong') await fail(session, found.error);
      else if (found.kind !== 'passed-over') await sendOne(session, toFile(found, call));
      else if (isTalking) lines.print(cleanText(`${found.path} ${found.why}; passed over`));
    });
    if (isTalking && !call.values.json && tally.count() > 1) lines.print(tally.summary());
    await finished.forget();
    return tally.hasFailures() ? EXIT_FAILED : EXIT_OK;
  } catch (error) {
    throw io.interrupted.aborted && tally.count() > 0 ? interruptedAfter(tally, sending) : error;
  } finally {
    stop.abort();
    lines.close();
  }
};

const openSession = async (client: Waybill, call: UploadCall, signal: AbortSignal): Promise<Session> => {
  const { values, io } = call;
  const commandLine = ['waybill', 'upload', ...withoutToken(call.args)];
  const uploads = resumeDirectoryOf(io.env);
  const loudness = loudnessOf(call);
  const facts = [process.cwd(), io.env.WAYBILL_URL, ...commandLine];
  const finished = await openFinishedUploads(join(dirname(uploads), 'calls'), facts);
  if (values['no-resume']) await finished.forget();
  return {
    call,
    sending: {
      client,
      purpose: values.purpose,
      provider: values.to,
      resume: values['no-resume'] ? undefined : createResumeDirectory(uploads),
      loudness,
      commandLine,
      signal,
    },
    lines: createStatusLines(io),
    forwarding: followForwarding(client, { isWanted: loudness === 'all', signal }),
    finished: values['no-resume'] ? { ...finished, count: 0, find: () => null } : finished,
    tally: createTally(),
    waits: new Map(),
  };
};

const sendOne = async (session: Session, file: FileToUpload): Promise<void> => {
  const { call, sending, lines, forwarding, finished, tally, waits } = session;
  const { path, found } = file;
  const report = createUploadReport(file, { lines, loudness: sending.loudness, io: call.io, waits });
  const stopForwarding = forwarding.show(file, report);
  const isRemembered = found !== null && isOneOfSeveral(path, call);
  const before = {
    id: isRemembered ? finished.find(path, found) : null,
    onSafe: async (id: string) => (isRemembered ? finished.add(path, found, id) : undefined),
  };
  try {
    const sent = await sendFile(file, { report, before }, sending);
    report.close();
    await lines.aside(() => printResult(sent, call));
    if (sent.status === 'error') throw rejected(sent);
    tally.uploaded(sent.bytes);
  } catch (error) {
    report.close();
    if (sending.signal.aborted || concernsAll(error)) throw error;
    await fail(session, error, path);
  } finally {
    stopForwarding();
  }
};

const fail = async ({ call, lines, tally }: Session, error: unknown, path?: string): Promise<void> => {
  tally.failed();
  const isJson = call.values.json ?? false;
  const about = path !== undefined && isOneOfSeveral(path, call) ? { path } : {};
  await lines.aside(() => reportError(error, call.io, { isJson, ...about }));
};

const isOneOfSeveral = (path: string, { operands }: UploadCall): boolean =>
  operands.length > 1 || path !== operands[0];

/** With --json, whatever reads `stderr` expects errors there and nothing else. */
const loudnessOf = ({ values, io }: UploadCall): Loudness => {
  if (values.quiet || (values.json && !io.isTerminal)) return 'nothing';
  return io.isTerminal ? 'all' : 'remarks';
};

const toFile = (
  found: Extract<Found, { kind: 'file' | 'input' }>,
  { values, io }: UploadCall,
): FileToUpload =>
  found.kind === 'input'
    ? fromInput(io, values.filename)
    : fromPath(found.path, found.found, values.filename);

const printResult = (file: FileObject, { values, io }: UploadCall): void => {
  if (values.json) {
    printJson(io.stdout, file);
    return;
  }
  const { good, bad } = coloursOf(io.isOutputTerminal, io.env);
  const status = cleanText(file.status);
  const shown = file.status === 'error' ? bad(status) : good(status);
  io.stdout.write(`${cleanText(file.id)}  ${shown}  ${cleanText(file.filename)}\n`);
};

/** Whether the next file would fail for the same reason. */
const CONCERNING_ALL: ReadonlySet<string> = new Set([
  'gateway_unreachable',
  'connection_lost',
  'unexpected_answer',
  'invalid_token',
  'token_expired',
  'insufficient_scope',
  'unknown_provider',
  'invalid_purpose',
]);
const concernsAll = (error: unknown): boolean =>
  error instanceof ClientError && CONCERNING_ALL.has(error.code);

const rejected = ({ id, filename, deliveries }: FileObject): ClientError => {
  const reasons = deliveries.map(
    ({ provider, error }) => `${provider}: ${error?.message ?? 'no reason given'}`,
  );
  const message = `No provider took ${filename}; ${reasons.join('; ')}; it stays at the gateway as ${id}.`;
  return new ClientError('provider_rejected', message, { fileId: id });
};

/** Once some have ended, what is left is not a matter of one file any more. */
const interruptedAfter = (tally: Tally, { commandLine, resume }: Sending): CliError => {
  const advice = resume === undefined ? 'begin again with' : 'go on with';
  const message = `Interrupted after ${tally.summary()}; ${advice}: ${shellLine(commandLine)}`;
  return new CliError('interrupted', message);
};

/** A token is a secret, and what is said here may be kept in a log. */
const withoutToken = (args: readonly string[]): string[] => {
  const end = args.indexOf('--');
  const options = args.slice(0, end === -1 ? args.length : end);
  const kept = options.filter(
    (word, index) => !/^--token(=|$)/u.test(word) && options[index - 1] !== '--token',
  );
  return [...kept, ...args.slice(options.length)];
};
