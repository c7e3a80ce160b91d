import { randomInt } from 'node:crypto';
import { type Answer, jsonAnswer, rawAnswer } from './answer.ts';
import {
  type Call,
  createVariants,
  type Dialect,
  type UploadForm,
  type Variants,
  type Verdict,
} from './dialect.ts';
import { type Emulator, type EmulatorLimits, type EmulatorOptions, startEmulator } from './emulator.ts';
import { extractedContent } from './extracted-content.ts';
import type { FileShelf, StoredFile } from './file-shelf.ts';
import { takesFile } from './kimi-file-types.ts';
import { flag, oneOf, type SettingValues, textList, wholeNumber } from './settings.ts';

/** Where sources on Kimi disagree or are silent; the first choice of each is the default. */
const KIMI_VARIANTS = {
  /** Status of a usable file: `ready` in Moonshot's OpenAPI of 2026, `ok` in documents up to 2025. */
  status: oneOf('ready', 'ok', 'processed'),
  /** How often a file is retrieved as `pending` before it is usable; 0, as observed. */
  pendingRetrieves: wholeNumber(0),
  /** An unreadable file is refused by the upload, as observed, or kept with status `error`, as documented. */
  extractionFailure: oneOf('refuse', 'status-error'),
  /** Name of the field that says why a file has status `error`. */
  detailsField: oneOf('status_details', 'status_detail'),
  /** Some samples of 2026 leave `purpose` out of the file object. */
  omitPurpose: flag(false),
  /** Moonshot's OpenAPI of 2026; the errors page still knows `file-extract` only. */
  purposes: textList(['file-extract', 'image', 'video', 'batch']),
  /** Error type for a key that is not valid here, such as one of the other region. */
  wrongKeyType: oneOf('invalid_authentication_error', 'incorrect_api_key_error'),
};
export type KimiVariants = SettingValues<typeof KIMI_VARIANTS>;

/**
 * Starts an emulator of Kimi's Files API (platform.kimi.ai, files-*). The caller closes it. Rejects with
 * `UnusableSetting` for a variant it does not know, and when the port or the directory cannot be used.
 */
export const startKimiEmulator = async (
  options: EmulatorOptions & { readonly variants?: Partial<KimiVariants> },
): Promise<Emulator> => startEmulator(createKimi(options), options);

const MIB = 1_048_576;

// The documents say "100MB" without a unit; Moonshot's own client allows 100 MiB.
const KIMI_LIMITS: EmulatorLimits = {
  maxFileBytes: 100 * MIB,
  maxFiles: 1_000,
  maxTotalBytes: 10 * 1_024 * MIB,
};

// Files of one repeated letter were refused from 5 KB on, and passed at 100 bytes.
const MIN_REFUSED_REPETITION_BYTES = 5_000;

const createKimi = ({
  apiKey,
  limits,
  variants: given,
}: {
  apiKey: string;
  limits?: Partial<EmulatorLimits>;
  variants?: Partial<KimiVariants>;
}): Dialect => {
  const variants = createVariants(KIMI_VARIANTS, given);
  const bounds = { ...KIMI_LIMITS, ...limits };
  const looks = new Map<string, number>();
  const show = (file: StoredFile) => fileObject(file, variants.current, looks.get(file.id) ?? 0);
  return {
    name: 'kimi',
    basePath: '/v1',
    variants,
    capBytes: bounds.maxFileBytes,
    newId: () => Array.from({ length: 20 }, () => randomInt(36).toString(36)).join(''),
    offers: () => true,
    authorize: ({ request }) => {
      if (request.headers.authorization === `Bearer ${apiKey}`) return null;
      const hasKey = request.headers.authorization?.startsWith('Bearer ');
      return kimiError(401, hasKey ? variants.current.wrongKeyType : 'invalid_authentication_error');
    },
    examine: (_, form, shelf) => examine(form, shelf, { bounds, variants }),
    unreadable: (_, reason) => invalid(`Invalid request: ${reason}`),
    uploaded: (file) => jsonAnswer(200, show(file)),
    listed: (_, files) => jsonAnswer(200, { object: 'list', data: files.map(show) }),
    retrieved: (file) => {
      const answer = jsonAnswer(200, show(file));
      if (variants.current.pendingRetrieves > 0) looks.set(file.id, (looks.get(file.id) ?? 0) + 1);
      return answer;
    },
    content: (_, file, path) => content(file, path),
    deleted: (id, deleted) => jsonAnswer(200, { id, object: 'file', deleted }),
    missing: () => kimiError(404, 'resource_not_found_error'),
    unknownRoute,
    failure: (_, status, code) => kimiError(status, code ?? typeOf(status)),
  };
};

const fileObject = (file: StoredFile, variants: KimiVariants, looks: number) => ({
  id: file.id,
  object: 'file',
  bytes: file.bytes,
  created_at: file.createdAt,
  filename: file.filename,
  ...(variants.omitPurpose ? {} : { purpose: file.purpose }),
  ...(file.problem === null
    ? { status: looks < variants.pendingRetrieves ? 'pending' : variants.status }
    : { status: 'error', [variants.detailsField]: file.problem }),
});

const examine = (
  { file, fields }: UploadForm,
  shelf: FileShelf,
  rules: { bounds: EmulatorLimits; variants: Variants<typeof KIMI_VARIANTS> },
): Verdict => {
  const { purposes, extractionFailure } = rules.variants.current;
  const purpose = fields.get('purpose');
  if (file === null) return { refusal: invalid('Invalid request: file is required') };
  if (purpose === undefined || !purposes.includes(purpose)) {
    const accepted = purposes.map((name) => `'${name}'`).join(',');
    return { refusal: invalid(`Invalid purpose: only ${accepted} accepted`) };
  }
  const tooMuch = overLimit(file.bytes, shelf, rules.bounds);
  if (tooMuch !== null) return { refusal: invalid(tooMuch) };
  const problem = unreadableText(file, purpose);
  if (problem === null) return { file, purpose, problem };
  const isKept = extractionFailure === 'status-error' && purpose === 'file-extract';
  return isKept ? { file, purpose, problem } : { refusal: invalid(problem) };
};

const overLimit = (bytes: number, shelf: FileShelf, bounds: EmulatorLimits): string | null => {
  if (bytes === 0) return 'Invalid request: file size is zero';
  if (bytes > bounds.maxFileBytes) {
    return `File size is too large, max file size is ${megabytes(bounds.maxFileBytes)}MB, please confirm and re-upload the file`;
  }
  const used = shelf.usage();
  if (used.files >= bounds.maxFiles) {
    return `The number of files you have uploaded exceeded the max file count ${bounds.maxFiles}, please delete previous uploaded files`;
  }
  if (used.bytes + bytes <= bounds.maxTotalBytes) return null;
  return `The total size of your files exceeded the max total size ${megabytes(bounds.maxTotalBytes)}MB, please delete previous uploaded files`;
};

const megabytes = (bytes: number): number => Math.round((bytes / MIB) * 1_000) / 1_000;

// The texts are the ones seen in logs of the service: unsupported file type, no content found.
const unreadableText = (
  file: { filename: string; bytes: number; isOneByteRepeated: boolean },
  purpose: string,
): string | null => {
  if (!takesFile(file.filename, purpose)) return 'text extract error: 不支持的文件类型';
  const isEmptyTalk = file.isOneByteRepeated && file.bytes >= MIN_REFUSED_REPETITION_BYTES;
  return isEmptyTalk && purpose === 'file-extract' ? 'text extract error: 没有解析出内容' : null;
};

const content = async (file: StoredFile, path: string): Promise<Answer> => {
  if (file.purpose !== 'file-extract' && file.purpose !== 'batch') {
    return invalid(`Invalid request: the content of a file with purpose ${file.purpose} cannot be read`);
  }
  if (file.problem !== null) return invalid(file.problem);
  return rawAnswer(200, await extractedContent(file, path), { type: 'text/plain; charset=utf-8' });
};

// Keys and `error` as captured; the values of `message` and `scode` are ours.
const unknownRoute = ({ request, url }: Call): Answer =>
  jsonAnswer(404, {
    code: 5,
    error: 'url.not_found',
    message: '没找到对象',
    method: request.method,
    scode: '0x5',
    status: false,
    ua: request.headers['user-agent'] ?? '',
    url: url.pathname,
  });

// Types: platform.kimi.ai, errors page. Wording that no source shows is ours and nothing to rely on.
const MESSAGES: Readonly<Record<string, string>> = {
  invalid_request_error: 'Invalid request',
  content_filter: 'The request was rejected because it was considered high risk',
  invalid_authentication_error: 'Invalid Authentication',
  incorrect_api_key_error: 'Incorrect API key provided',
  permission_denied_error: 'You do not have permission to access this resource',
  resource_not_found_error: 'file not found',
  engine_overloaded_error: 'The engine is currently overloaded, please try again later',
  exceeded_current_quota_error:
    'Your account is not active, current quota exceeded, please check your plan and billing details',
  rate_limit_reached_error: 'Your account reached max request limit: 3, please try again after 1 seconds',
  server_error: 'Failed to extract file',
};

const TYPE_BY_STATUS: Readonly<Record<number, string>> = {
  401: 'invalid_authentication_error',
  403: 'permission_denied_error',
  404: 'resource_not_found_error',
  429: 'rate_limit_reached_error',
};

const typeOf = (status: number): string =>
  TYPE_BY_STATUS[status] ?? (status >= 500 ? 'server_error' : 'invalid_request_error');

const kimiError = (status: number, type: string): Answer =>
  jsonAnswer(status, { error: { message: MESSAGES[type] ?? type, type } });

const invalid = (message: string): Answer =>
  jsonAnswer(400, { error: { message, type: 'invalid_request_error' } });
