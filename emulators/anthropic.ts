import { type Answer, jsonAnswer } from './answer.ts';
import { type AnthropicReason, anthropicError, withRequestId } from './anthropic-errors.ts';
import { lastComponent, strictName } from './anthropic-filename.ts';
import { ANTHROPIC_SHAPE, betaPage, currentPage, newFileId } from './anthropic-list.ts';
import { type Call, createVariants, type Dialect, type UploadForm, type Verdict } from './dialect.ts';
import { type Emulator, type EmulatorLimits, type EmulatorOptions, startEmulator } from './emulator.ts';
import type { FileShelf, StoredFile } from './file-shelf.ts';
import { oneOf, type SettingValues } from './settings.ts';

/** Where sources on Anthropic disagree or are silent; the first choice of each is the default. */
const ANTHROPIC_VARIANTS = {
  /** Error type of a 404; one sample in the documents prints the second. */
  missingType: oneOf('not_found_error', 'invalid_request_error'),
  /** Not documented. */
  emptyFile: oneOf('refuse', 'accept'),
  /** Whether a 429 of its own carries `retry-after`, as documented; a fault may still name one. */
  rateLimitHint: oneOf('retry-after', 'none'),
};
export type AnthropicVariants = SettingValues<typeof ANTHROPIC_VARIANTS>;

/** A file seeded with this purpose counts as made by a tool: the only kind whose content can be read. */
export const TOOL_OUTPUT = 'tool-output';

/**
 * Starts an emulator of Anthropic's Files API (platform.claude.com, Files), in the shapes of general availability, or
 * of the beta for requests with its header. The caller closes it. Rejects with `UnusableSetting` for a variant it does
 * not know, and when the port or the directory cannot be used.
 */
export const startAnthropicEmulator = async (
  options: EmulatorOptions & { readonly variants?: Partial<AnthropicVariants> },
): Promise<Emulator> => startEmulator(createAnthropic(options), options);

const MB = 1_000_000;

// "500 MB" in the documents; read literally, since nothing shows binary units. Of the totals they give over time
// (100 GB, 500 GB, 1 TB) the newest. A number of files is not documented.
const ANTHROPIC_LIMITS: EmulatorLimits = {
  maxFileBytes: 500 * MB,
  maxFiles: Number.POSITIVE_INFINITY,
  maxTotalBytes: 1_000_000 * MB,
};

const createAnthropic = ({
  apiKey,
  limits,
  variants: given,
}: {
  apiKey: string;
  limits?: Partial<EmulatorLimits>;
  variants?: Partial<AnthropicVariants>;
}): Dialect => {
  const variants = createVariants(ANTHROPIC_VARIANTS, given);
  const bounds = { ...ANTHROPIC_LIMITS, ...limits };
  const ok = (json: unknown): Answer => withRequestId(jsonAnswer(200, json));
  return {
    name: 'anthropic',
    basePath: '/v1',
    variants,
    shape: ANTHROPIC_SHAPE,
    capBytes: bounds.maxFileBytes,
    seesPaths: true,
    newId: newFileId,
    offers: () => true,
    authorize: (call) => authorize(call, apiKey),
    examine: (call, form, shelf) => {
      const verdict = examine(form, shelf, { bounds, variants: variants.current, isBeta: isBeta(call) });
      return 'status' in verdict ? { refusal: anthropicError(verdict) } : verdict;
    },
    unreadable: (_, message) => anthropicError({ status: 400, message }),
    uploaded: (file, call) => ok(fileMetadata(file, isBeta(call))),
    listed: (call, files, shelf) => {
      const page = (isBeta(call) ? betaPage : currentPage)(call.url.searchParams, { files, shelf });
      if ('problem' in page) return anthropicError({ status: 400, message: page.problem });
      return ok({ data: page.files.map((file) => fileMetadata(file, isBeta(call))), ...page.rest });
    },
    retrieved: (file, call) => ok(fileMetadata(file, isBeta(call))),
    content: async (_, file, path) => content(file, path),
    deleted: (id, deleted) => ok({ id, type: deleted ? 'file_deleted' : 'file' }),
    missing: ({ id }, shelf) => missing(id ?? '', shelf, variants.current),
    unknownRoute: () => anthropicError({ status: 404 }),
    failure: (_, status, code) => failure(status, code, variants.current),
  };
};

const BETA = 'files-api-2025-04-14';

const isBeta = ({ request }: Call): boolean =>
  [request.headers['anthropic-beta'] ?? '']
    .flat()
    .join(',')
    .split(/\s*,\s*/)
    .includes(BETA);

const authorize = ({ request: { headers } }: Call, apiKey: string): Answer | null => {
  const key = headers['x-api-key'];
  if (key === undefined) return anthropicError({ status: 401, message: 'x-api-key header is required' });
  if (key !== apiKey) return anthropicError({ status: 401 });
  const version = headers['anthropic-version'];
  if (version === undefined) {
    return anthropicError({ status: 400, message: 'anthropic-version: header is required' });
  }
  if (version === '2023-06-01') return null;
  return anthropicError({ status: 400, message: `anthropic-version: "${version}" is not a valid version` });
};

const fileMetadata = (file: StoredFile, beta: boolean) => ({
  id: file.id,
  type: 'file',
  filename: file.filename,
  mime_type: file.mediaType,
  size_bytes: file.bytes,
  created_at: rfc3339(file.createdAt),
  downloadable: file.purpose === TOOL_OUTPUT,
  ...(beta && file.expiresAt === undefined
    ? {}
    : { expires_at: file.expiresAt === undefined ? null : rfc3339(file.expiresAt) }),
  ...(beta ? { scope: null } : {}),
});

const rfc3339 = (seconds: number): string => new Date(seconds * 1_000).toISOString().replace('.000Z', 'Z');

interface Rules {
  readonly bounds: EmulatorLimits;
  readonly variants: AnthropicVariants;
  readonly isBeta: boolean;
}

const EXPIRY = 'expires_in_seconds';
const MIN_EXPIRY_SECONDS = 3_600;
const MAX_EXPIRY_SECONDS = 7_776_000;

const examine = ({ file, fields }: UploadForm, shelf: FileShelf, rules: Rules): Verdict | AnthropicReason => {
  if (file === null) return invalid('file: Field required');
  const unknown = [...fields.keys()].find((name) => name !== EXPIRY);
  if (unknown !== undefined) return invalid(`${unknown}: Extra inputs are not permitted`);
  const seconds = fields.get(EXPIRY);
  if (seconds !== undefined && !isExpiry(seconds)) {
    return invalid(`${EXPIRY}: must be a whole number from ${MIN_EXPIRY_SECONDS} to ${MAX_EXPIRY_SECONDS}`);
  }
  const named = rules.isBeta ? strictName(file.filename) : lastComponent(file.filename, file.mediaType);
  if ('problem' in named) return invalid(named.problem);
  const tooMuch = overLimit(file.bytes, shelf, rules);
  if (tooMuch !== null) return tooMuch;
  return {
    file: { ...file, filename: named.filename },
    purpose: '',
    problem: null,
    ...(seconds === undefined ? {} : { expiresInSeconds: Number(seconds) }),
  };
};

const invalid = (message: string): AnthropicReason => ({ status: 400, message });

const isExpiry = (text: string): boolean =>
  /^\d{1,10}$/.test(text) && Number(text) >= MIN_EXPIRY_SECONDS && Number(text) <= MAX_EXPIRY_SECONDS;

const overLimit = (
  bytes: number,
  shelf: FileShelf,
  { bounds, variants, isBeta: beta }: Rules,
): AnthropicReason | null => {
  if (bytes === 0 && variants.emptyFile === 'refuse') return invalid('file: is empty');
  if (bytes > bounds.maxFileBytes) {
    return { status: 413, message: `File exceeds the maximum size of ${bounds.maxFileBytes / MB} MB` };
  }
  const used = shelf.usage();
  if (used.files < bounds.maxFiles && used.bytes + bytes <= bounds.maxTotalBytes) return null;
  const message = 'Your organization has reached its storage limit for files';
  return { status: beta ? 403 : 400, message, errorCode: 'storage_quota_exceeded' };
};

const content = (file: StoredFile, path: string): Answer => {
  if (file.purpose !== TOOL_OUTPUT) {
    const message = 'Only files created by tools can be downloaded';
    return anthropicError({ status: 400, message, errorCode: 'file_not_downloadable' });
  }
  return withRequestId({
    status: 200,
    headers: {},
    body: { path, sizeBytes: file.bytes, type: file.mediaType },
  });
};

const missing = (id: string, shelf: FileShelf, { missingType: type }: AnthropicVariants): Answer => {
  const isExpired = shelf.removed().some(({ file, by }) => file.id === id && by === 'expiry');
  return isExpired
    ? anthropicError({ status: 404, type, message: `File expired: ${id}`, errorCode: 'file_expired' })
    : anthropicError({ status: 404, type, message: `File not found: ${id}` });
};

// A code is a type where it reads like one, else what stands in the details.
const failure = (status: number, code: string | null, { rateLimitHint }: AnthropicVariants): Answer => {
  const isType = code === 'request_too_large' || code?.endsWith('_error');
  const answer = anthropicError({
    status,
    ...(code === null ? {} : isType ? { type: code } : { errorCode: code }),
  });
  if (status !== 429 || rateLimitHint === 'none') return answer;
  return { ...answer, headers: { ...answer.headers, 'retry-after': '1' } };
};
