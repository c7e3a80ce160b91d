import type { FileObject } from '../api/file-object.ts';
import { ClientError } from '../client/client-error.ts';
import type { ResumeStore, UploadOptions, Waybill } from '../client/index.ts';
import { systemCode } from '../core/errors.ts';
import { CliError } from './cli-error.ts';
import { digestOf } from './digest-of.ts';
import { shellLine } from './shell-line.ts';
import { unreadable } from './unreadable.ts';
import type { Loudness, UploadReport } from './upload-report.ts';
import type { FileToUpload } from './upload-source.ts';

export interface Sending {
  readonly client: Waybill;
  readonly purpose: string | undefined;
  readonly provider: string | undefined;
  /** Undefined when every upload is to begin anew, and none to be gone on with. */
  readonly resume: ResumeStore | undefined;
  readonly loudness: Loudness;
  /** The words that were given, to be repeated after an interruption. */
  readonly commandLine: readonly string[];
  readonly signal: AbortSignal;
}

/** What a call before has to do with a file. */
export interface Before {
  /** The id under which it has been sent already. */
  readonly id: string | null;
  /** Called once its bytes are safe. */
  readonly onSafe: (id: string) => Promise<void>;
}

/**
 * Sends one file, unless the gateway has its bytes, and resolves when every delivery has ended. Rejects with `ClientError`,
 * or with `CliError`: `unreadable`, and `interrupted` when the signal aborts, with what to do about it.
 */
export const sendFile = async (
  file: FileToUpload,
  { report, before }: { readonly report: UploadReport; readonly before: Before },
  sending: Sending,
): Promise<FileObject> => {
  if (before.id !== null) {
    try {
      return await follow(before.id, report, sending);
    } catch (error) {
      const isGone = error instanceof ClientError && error.code === 'not_found';
      if (!isGone) throw error;
    }
  }
  const { id } = await takeIn(file, report, sending);
  await before.onSafe(id);
  return await follow(id, report, sending);
};

const follow = async (
  id: string,
  report: UploadReport,
  { client, loudness, signal }: Sending,
): Promise<FileObject> => {
  try {
    return await client.settled(id, {
      onWait: report.waiting,
      ...(loudness === 'all' ? { onChange: report.changed, isListening: true } : {}),
      signal,
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    const message = `Interrupted: ${id} is safe at the gateway and its deliveries go on; look with "waybill files show ${id}".`;
    throw new CliError('interrupted', message, { cause: error });
  }
};

/** Resolves once the bytes are safe. */
const takeIn = async (file: FileToUpload, report: UploadReport, sending: Sending): Promise<FileObject> => {
  const { client, purpose, provider, resume, signal } = sending;
  const { path, filename, sizeBytes } = file;
  let sentBytes = 0;
  const options: UploadOptions & { filename: string } = {
    filename,
    purpose,
    provider,
    resume,
    signal,
    onWait: report.waiting,
    onProgress: (progress) => {
      sentBytes = progress.sentBytes;
      report.sent(sentBytes);
    },
  };
  try {
    const known = await askWhetherKnown(file, report, { ...sending, options });
    if (known !== null) {
      report.known(known);
      return known;
    }
    const received = await client.upload(sizeBytes === null ? file.open() : path, options);
    report.received(received);
    return received;
  } catch (error) {
    if (signal.aborted) throw interrupted(file, sentBytes, { ...sending, cause: error });
    if (error instanceof ClientError || systemCode(error) === null) throw error;
    throw unreadable(path, error);
  }
};

/** Bytes of which a part is at the gateway already, from an earlier try, need not be read to be asked for. */
const askWhetherKnown = async (
  file: FileToUpload,
  report: UploadReport,
  { client, options, signal }: Sending & { options: UploadOptions & { filename: string } },
): Promise<FileObject | null> => {
  if (file.sizeBytes === null || (await client.isBegun(file.path, options))) return null;
  report.checking();
  const digest = await digestOf(file, signal);
  return digest === null ? null : await client.uploadKnown({ ...options, ...digest });
};

const interrupted = (
  { filename, sizeBytes }: FileToUpload,
  sentBytes: number,
  { resume, commandLine, cause }: Pick<Sending, 'resume' | 'commandLine'> & { cause: unknown },
): CliError => {
  const percent = sizeBytes ? Math.floor((sentBytes / sizeBytes) * 100) : 0;
  const message =
    sizeBytes === null || resume === undefined
      ? `Interrupted before ${filename} was safe at the gateway; send it again.`
      : `Interrupted at ${percent}% of ${filename}; go on with: ${shellLine(commandLine)}`;
  return new CliError('interrupted', message, { cause });
};
