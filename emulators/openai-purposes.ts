import { extname } from 'node:path';
import { missing, notAmong, type OpenAiReason, wrongWhole } from './openai-errors.ts';

/** Inputs by the documents of 2026; the enum for Uploads lacks the last two, its SDK's type has them. */
export const INPUT_PURPOSES = ['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals'] as const;

const MIB = 1_048_576;
const DAY_SECONDS = 86_400;
const JSONL = /^(text|application)\/(x-)?(jsonl|ndjson|jsonlines|json-lines)$/;

interface Purpose {
  /** The API that takes `.jsonl` only. */
  readonly jsonlFor?: string;
  readonly maxFileBytes?: number;
  readonly lifetimeSeconds?: number;
  /** MIME types an Upload may announce. */
  readonly mediaTypes?: RegExp;
}

const PURPOSES: Readonly<Record<string, Purpose>> = {
  batch: {
    jsonlFor: 'Batch API',
    maxFileBytes: 200 * MIB,
    lifetimeSeconds: 30 * DAY_SECONDS,
    mediaTypes: JSONL,
  },
  'fine-tune': { jsonlFor: 'Fine-Tuning API', mediaTypes: JSONL },
  vision: { mediaTypes: /^image\/(png|jpeg|gif|webp)$/ },
};

/** What a purpose says to a file's name and, unless its own limit is off, size. Texts and status as captured. */
export const refusedByPurpose = (
  purpose: string,
  { filename, bytes }: { filename: string; bytes: number },
  { limitsSize }: { limitsSize: boolean },
): OpenAiReason | null => {
  const { jsonlFor, maxFileBytes = Number.POSITIVE_INFINITY } = PURPOSES[purpose] ?? {};
  if (jsonlFor !== undefined && extname(filename).toLowerCase() !== '.jsonl') {
    return { status: 400, message: `Invalid file format for ${jsonlFor}. Must be .jsonl` };
  }
  return limitsSize && bytes > maxFileBytes ? { status: 400, message: 'File is too large.' } : null;
};

/** What a purpose says to the MIME type of an Upload. */
export const refusedMediaType = (purpose: string, mediaType: string): OpenAiReason | null => {
  const { mediaTypes = /^[^\s/]+\/[^\s/]+$/ } = PURPOSES[purpose] ?? {};
  if (mediaTypes.test(mediaType)) return null;
  const message = `Invalid mime_type '${mediaType}' for purpose '${purpose}'.`;
  return { status: 400, message, param: 'mime_type', code: 'invalid_value' };
};

/** The reason not to take a purpose, worded like the validator of the Files API. */
export const refusedPurpose = (purpose: string, accepted: readonly string[]): OpenAiReason | null => {
  if (accepted.includes(purpose)) return null;
  const choices = accepted.map((name) => `'${name}'`).join(', ');
  return { status: 400, message: `'${purpose}' is not one of [${choices}] - 'purpose'`, param: 'purpose' };
};

const MIN_LIFETIME_SECONDS = 3_600;
const MAX_LIFETIME_SECONDS = 2_592_000;

/** How long a file is to live: as asked for, as is usual for the purpose, or, by null, until deleted. */
export const lifetimeSeconds = (
  { anchor, seconds }: { anchor: unknown; seconds: unknown },
  purpose: string,
): number | OpenAiReason | null => {
  if (anchor === undefined && seconds === undefined) return PURPOSES[purpose]?.lifetimeSeconds ?? null;
  if (anchor === undefined) return missing('expires_after.anchor');
  if (anchor !== 'created_at') return notAmong(String(anchor), 'expires_after.anchor', ['created_at']);
  const wrong = wrongWhole(seconds, 'expires_after.seconds', {
    min: MIN_LIFETIME_SECONDS,
    max: MAX_LIFETIME_SECONDS,
  });
  return wrong ?? Number(seconds);
};

/** Whether the bytes of a file with this purpose may be read; of what was given as knowledge they may not. */
export const isDownloadable = (purpose: string): boolean =>
  purpose !== 'assistants' && purpose !== 'user_data';
