import { rm } from 'node:fs/promises';
import type { FileShelf, StoredFile } from './file-shelf.ts';
import { missing, type OpenAiReason } from './openai-errors.ts';
import { newFileId } from './openai-file.ts';
import { endUpload, joinParts, type Part, type Upload } from './openai-upload.ts';
import { isRecord } from './settings.ts';

interface Completion {
  /** The body of the request. */
  readonly input: unknown;
  readonly shelf: FileShelf;
  /** Why such a file cannot be stored now; null when it can. */
  readonly refuse: (sizeBytes: number) => OpenAiReason | null;
  readonly skewSeconds: number;
  /** Why the file fails to be processed; null when it does not. */
  readonly problem: string | null;
}

/**
 * Makes a file of the parts named, in the order in which they are named, and ends the Upload; one that is refused goes
 * on as it was. Parts not named are dropped. The caller has seen that the Upload is pending.
 */
export const completeUpload = async (
  upload: Upload,
  completion: Completion,
): Promise<StoredFile | OpenAiReason> => {
  const chosen = chooseParts(upload, completion.input);
  if ('status' in chosen) return chosen;
  // Set before the first wait, so that no part comes or goes while the file is made.
  upload.status = 'completing';
  let stored: StoredFile | OpenAiReason;
  try {
    stored = await makeFile(upload, chosen, completion);
  } catch (error) {
    upload.status = 'pending';
    throw error;
  }
  if ('status' in stored) {
    upload.status = 'pending';
    return stored;
  }
  upload.fileId = stored.id;
  await endUpload(upload, 'completed');
  return stored;
};

interface Chosen {
  readonly parts: readonly Part[];
  readonly md5: string | null;
}

const chooseParts = ({ parts, announced }: Upload, input: unknown): Chosen | OpenAiReason => {
  if (!isRecord(input)) return { status: 400, message: 'We could not parse the JSON body of your request.' };
  const { part_ids: ids, md5 = null } = input;
  if (ids === undefined) return missing('part_ids');
  if (!Array.isArray(ids) || ids.some((id) => typeof id !== 'string')) {
    return wrongType('part_ids', 'an array of strings');
  }
  if (md5 !== null && typeof md5 !== 'string') return wrongType('md5', 'a string');
  const chosen = ids.map((id) => ({ id, part: parts.get(id) }));
  const unknown = chosen.find(({ part }) => part === undefined);
  if (unknown !== undefined) return about('part_ids', `No such Part object: ${unknown.id}`);
  if (new Set(ids).size < ids.length) return about('part_ids', 'A Part can be used only once.');
  const found = chosen.flatMap(({ part }) => part ?? []);
  const bytes = found.reduce((sum, part) => sum + part.bytes, 0);
  return bytes === announced.bytes
    ? { parts: found, md5 }
    : about('part_ids', `The Parts add up to ${bytes} bytes, but the Upload is of ${announced.bytes} bytes.`);
};

const makeFile = async (
  { announced }: Upload,
  { parts, md5 }: Chosen,
  { shelf, refuse, skewSeconds, problem }: Completion,
): Promise<StoredFile | OpenAiReason> => {
  const path = shelf.incomingPath();
  const digests = await joinParts(parts, { path, withMd5: md5 !== null });
  const isRight = digests.md5 === (md5?.toLowerCase() ?? null);
  const refusal = isRight ? refuse(announced.bytes) : WRONG_MD5;
  if (refusal !== null) {
    await rm(path, { force: true });
    return refusal;
  }
  const createdAt = Math.floor(Date.now() / 1_000) + skewSeconds;
  const { filename, bytes, purpose, mimeType, lifetimeSeconds } = announced;
  return shelf.keep(path, {
    id: newFileId(),
    filename,
    bytes,
    sha256: digests.sha256,
    purpose,
    createdAt,
    ...(lifetimeSeconds === null ? {} : { expiresAt: createdAt + lifetimeSeconds }),
    mediaType: mimeType,
    problem,
  });
};

const about = (param: string, message: string): OpenAiReason => ({ status: 400, message, param });

const WRONG_MD5 = about('md5', 'The md5 checksum does not match the bytes uploaded.');

const wrongType = (param: string, expected: string): OpenAiReason => ({
  ...about(param, `Invalid type for '${param}': expected ${expected}.`),
  code: 'invalid_type',
});
