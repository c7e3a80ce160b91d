import { missing, type OpenAiReason, wrongWhole } from './openai-errors.ts';
import { lifetimeSeconds, refusedByPurpose, refusedMediaType, refusedPurpose } from './openai-purposes.ts';
import { isRecord } from './settings.ts';

/** What the opening of an Upload says of the file to come. */
export interface NewUpload {
  readonly filename: string;
  readonly purpose: string;
  /** To the byte what the parts have to add up to. */
  readonly bytes: number;
  readonly mimeType: string;
  /** Of the file, counted from its creation; null for one that stays. */
  readonly lifetimeSeconds: number | null;
}

export interface NewUploadRules {
  readonly purposes: readonly string[];
  readonly maxUploadBytes: number;
  /** Whether a purpose's own limit holds too. */
  readonly limitsSize: boolean;
  readonly checksMimeTypes: boolean;
}

/** Reads the body of `POST /uploads`, or finds the first thing wrong with it. */
export const readNewUpload = (input: unknown, rules: NewUploadRules): NewUpload | OpenAiReason => {
  if (!isRecord(input)) return { status: 400, message: 'We could not parse the JSON body of your request.' };
  const { bytes, expires_after: expiry } = input;
  const filename = textOf(input, 'filename');
  if (typeof filename !== 'string') return filename;
  const purpose = textOf(input, 'purpose');
  if (typeof purpose !== 'string') return purpose;
  const mimeType = textOf(input, 'mime_type');
  if (typeof mimeType !== 'string') return mimeType;
  const named = { filename, bytes: Number(bytes) };
  const refusal =
    wrongWhole(bytes, 'bytes', { min: 1, max: rules.maxUploadBytes }) ??
    refusedPurpose(purpose, rules.purposes) ??
    refusedByPurpose(purpose, named, rules) ??
    (rules.checksMimeTypes ? refusedMediaType(purpose, mimeType) : null);
  if (refusal !== null) return refusal;
  const lifetime = readLifetime(expiry, purpose);
  return isReason(lifetime) ? lifetime : { ...named, purpose, mimeType, lifetimeSeconds: lifetime };
};

const textOf = (input: Record<string, unknown>, param: string): string | OpenAiReason => {
  const value = input[param];
  if (typeof value === 'string' && value !== '') return value;
  if (value === undefined || value === '') return missing(param);
  const message = `Invalid type for '${param}': expected a string.`;
  return { status: 400, message, param, code: 'invalid_type' };
};

const readLifetime = (expiry: unknown, purpose: string): number | OpenAiReason | null => {
  if (expiry === undefined || expiry === null) {
    return lifetimeSeconds({ anchor: undefined, seconds: undefined }, purpose);
  }
  if (isRecord(expiry)) {
    // An empty object lacks both, which is not the same as asking for nothing.
    return expiry.anchor === undefined
      ? missing('expires_after.anchor')
      : lifetimeSeconds({ anchor: expiry.anchor, seconds: expiry.seconds }, purpose);
  }
  const message = "Invalid type for 'expires_after': expected an object.";
  return { status: 400, message, param: 'expires_after', code: 'invalid_type' };
};

const isReason = (value: number | OpenAiReason | null): value is OpenAiReason =>
  typeof value === 'object' && value !== null;
