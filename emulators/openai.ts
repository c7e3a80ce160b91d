import { type Answer, jsonAnswer } from './answer.ts';
import { type Call, createVariants, type Dialect, type UploadForm, type Verdict } from './dialect.ts';
import { type Emulator, type EmulatorLimits, type EmulatorOptions, startEmulator } from './emulator.ts';
import type { FileShelf, StoredFile } from './file-shelf.ts';
import { type OpenAiReason, openAiError, withHeaders } from './openai-errors.ts';
import { fileObject, newFileId, UPLOADS_SHAPE } from './openai-file.ts';
import { listPage } from './openai-list.ts';
import {
  INPUT_PURPOSES,
  isDownloadable,
  lifetimeSeconds,
  refusedByPurpose,
  refusedPurpose,
} from './openai-purposes.ts';
import { createUploads, noSuchUpload, type UploadRules, uploadIdIn, uploadRoute } from './openai-uploads.ts';
import { matchRoute } from './serve-call.ts';
import { milliseconds, oneOf, type SettingValues, textList, wholeNumber } from './settings.ts';

/** Where sources on OpenAI disagree or are silent, or the service decides; the first choice of each is the default. */
const OPENAI_VARIANTS = {
  /** Purposes of files that clients send. */
  purposes: textList(INPUT_PURPOSES),
  /** How often a file is retrieved as `uploaded` before it is processed. */
  uploadedRetrieves: wholeNumber(0),
  /** How the processing of files uploaded from now on ends. */
  processingEnds: oneOf('processed', 'error'),
  /** Status for a file or Part above the limit, which no capture shows; above a purpose's own limit it is 400. */
  tooLarge: oneOf('413', '400'),
  /** Not documented; of Parts too. */
  emptyFile: oneOf('refuse', 'accept'),
  /** Documented to have to fit the purpose; for most purposes it is not said how. */
  mimeTypes: oneOf('checked', 'any'),
  /** How long an Upload may be pending, open ones included; 0 makes them expire at once. */
  uploadLifetimeMs: milliseconds(3_600_000),
  /** Documents of late 2026 let `bytes` of the file inside a completed Upload be null. */
  completedFileBytes: oneOf('number', 'null'),
};
export type OpenAiVariants = SettingValues<typeof OPENAI_VARIANTS>;

export interface OpenAiLimits extends EmulatorLimits {
  /** Of one Part of an Upload. */
  readonly maxPartBytes: number;
  /** Of a file made by an Upload, in place of `maxFileBytes`. */
  readonly maxUploadBytes: number;
}

/**
 * Starts an emulator of OpenAI's Files and Uploads (developers.openai.com, API reference). The caller closes it. Rejects
 * with `UnusableSetting` for a variant it does not know, and when the port or the directory cannot be used.
 */
export const startOpenAiEmulator = async (
  options: EmulatorOptions & {
    readonly limits?: Partial<OpenAiLimits>;
    readonly variants?: Partial<OpenAiVariants>;
  },
): Promise<Emulator> => startEmulator(createOpenAi(options), options);

const MIB = 1_048_576;

// "512 MB", "64 MB" and "8 GB" in the documents; OpenAI's own clients send Parts of 64 MiB, so powers of two. The total
// is the one of 2026, for a project; before it was 100 GB for an organization. A number of files is not documented.
const OPENAI_LIMITS: OpenAiLimits = {
  maxFileBytes: 512 * MIB,
  maxFiles: Number.POSITIVE_INFINITY,
  maxTotalBytes: 2_500_000_000_000,
  maxPartBytes: 64 * MIB,
  maxUploadBytes: 8_192 * MIB,
};

const BASE_PATH = '/v1';

const createOpenAi = ({
  apiKey,
  limits = {},
  variants: given,
}: {
  apiKey: string;
  limits?: Partial<OpenAiLimits>;
  variants?: Partial<OpenAiVariants>;
}): Dialect => {
  const variants = createVariants(OPENAI_VARIANTS, given);
  const bounds = { ...OPENAI_LIMITS, ...limits };
  const looks = new WeakMap<StoredFile, number>();
  const show = (file: StoredFile) =>
    fileObject(file, { isProcessed: (looks.get(file) ?? 0) >= variants.current.uploadedRetrieves });
  const rules = (): Rules => ({
    bounds,
    limitsSize: limits.maxFileBytes === undefined,
    variants: variants.current,
  });
  const uploads = createUploads(() => uploadRules(rules(), show));
  return {
    name: 'openai',
    basePath: BASE_PATH,
    variants,
    shape: UPLOADS_SHAPE,
    capBytes: bounds.maxFileBytes,
    newId: newFileId,
    route: (request, url) =>
      uploadRoute(request, url) ?? matchRoute({ basePath: BASE_PATH }, request.method ?? '', url.pathname),
    step: uploads.step,
    uploads: uploads.all,
    offers: () => true,
    authorize: (call) => authorize(call, apiKey),
    examine: (_, form, shelf) => {
      const verdict = examine(form, shelf, rules());
      return 'status' in verdict ? { refusal: openAiError(verdict) } : verdict;
    },
    unreadable: (_, message) => openAiError({ status: 400, message }),
    uploaded: (file) => ok(show(file)),
    listed: (call, files, shelf) => listPage(call.url.searchParams, { files, shelf, show }),
    retrieved: (file) => {
      const answer = ok(show(file));
      looks.set(file, (looks.get(file) ?? 0) + 1);
      return answer;
    },
    content: async (_, file, path) => content(file, path),
    deleted: (id, deleted) => ok({ id, object: 'file', deleted }),
    missing: ({ id, url }) => {
      const uploadId = uploadIdIn(url);
      return uploadId === null ? noSuchFile(id) : noSuchUpload(uploadId);
    },
    unknownRoute: ({ request, url }) =>
      openAiError({ status: 404, message: `Invalid URL (${request.method} ${url.pathname})` }),
    failure: (_, status, code) => openAiError({ status, ...(code === null ? {} : { code }) }),
  };
};

const ok = (json: unknown): Answer => withHeaders(jsonAnswer(200, json));

interface Rules {
  readonly bounds: OpenAiLimits;
  /** Whether a purpose's own limit holds too. */
  readonly limitsSize: boolean;
  readonly variants: OpenAiVariants;
}

const uploadRules = (
  { bounds, limitsSize, variants }: Rules,
  show: (file: StoredFile) => object,
): UploadRules => ({
  opening: {
    purposes: variants.purposes,
    maxUploadBytes: bounds.maxUploadBytes,
    limitsSize,
    checksMimeTypes: variants.mimeTypes === 'checked',
  },
  maxPartBytes: bounds.maxPartBytes,
  takesEmptyParts: variants.emptyFile === 'accept',
  tooLargeStatus: Number(variants.tooLarge),
  lifetimeMs: variants.uploadLifetimeMs,
  problem: problemOf(variants),
  refuse: (sizeBytes, shelf) => storageFull(sizeBytes, shelf, bounds),
  show: (file) => ({ ...show(file), ...(variants.completedFileBytes === 'null' ? { bytes: null } : {}) }),
});

const authorize = ({ request }: Call, apiKey: string): Answer | null => {
  const key = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (key === apiKey) return null;
  return key === undefined
    ? openAiError({ status: 401, message: NO_KEY, code: null })
    : openAiError({ status: 401, message: `Incorrect API key provided: ${masked(key)}.` });
};

const NO_KEY =
  "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";

const SHOWN_CHARACTERS = 4;

// OpenAI shows both ends of a key in its refusal, enough to find it in a log that should not hold it.
const masked = (key: string): string =>
  key.length > 3 * SHOWN_CHARACTERS
    ? `${key.slice(0, SHOWN_CHARACTERS)}***${key.slice(-SHOWN_CHARACTERS)}`
    : '***';

const examine = (
  { file, fields }: UploadForm,
  shelf: FileShelf,
  { bounds, limitsSize, variants }: Rules,
): Verdict | OpenAiReason => {
  if (file === null) return required('file');
  const purpose = fields.get('purpose');
  if (purpose === undefined) return required('purpose');
  const refusal =
    refusedPurpose(purpose, variants.purposes) ??
    refusedByPurpose(purpose, file, { limitsSize }) ??
    refusedSize(file.bytes, bounds, variants) ??
    storageFull(file.bytes, shelf, bounds);
  if (refusal !== null) return refusal;
  const lifetime = lifetimeSeconds(
    {
      anchor: fields.get('expires_after[anchor]'),
      seconds: numberIn(fields.get('expires_after[seconds]')),
    },
    purpose,
  );
  if (typeof lifetime === 'object' && lifetime !== null) return lifetime;
  return {
    file,
    purpose,
    problem: problemOf(variants),
    ...(lifetime === null ? {} : { expiresInSeconds: lifetime }),
  };
};

const required = (param: string): OpenAiReason => ({
  status: 400,
  message: `'${param}' is a required property`,
  param,
});

// A text that is no number stays one, and is refused as one.
const numberIn = (text: string | undefined): unknown =>
  text !== undefined && /^-?\d{1,15}$/.test(text) ? Number(text) : text;

const problemOf = ({ processingEnds }: OpenAiVariants): string | null =>
  processingEnds === 'error' ? 'The file could not be processed.' : null;

const refusedSize = (
  bytes: number,
  { maxFileBytes }: OpenAiLimits,
  { tooLarge, emptyFile }: OpenAiVariants,
): OpenAiReason | null => {
  if (bytes === 0 && emptyFile === 'refuse') return { status: 400, message: 'File is empty.', param: 'file' };
  if (bytes <= maxFileBytes) return null;
  const message = `Maximum content size limit (${maxFileBytes}) exceeded (${bytes} bytes read)`;
  return { status: Number(tooLarge), message };
};

// Status and wording as captured, with the numbers of 2026.
const storageFull = (
  bytes: number,
  shelf: FileShelf,
  { maxFiles, maxTotalBytes }: OpenAiLimits,
): OpenAiReason | null => {
  const used = shelf.usage();
  if (used.files < maxFiles && used.bytes + bytes <= maxTotalBytes) return null;
  const message = `You have exceeded your file storage quota. Projects are limited to ${maxTotalBytes / 1e12} TB of files. Please delete old files or attempt with a smaller file size.`;
  return { status: 400, message };
};

const content = (file: StoredFile, path: string): Answer => {
  if (!isDownloadable(file.purpose)) {
    return openAiError({
      status: 400,
      message: `Not allowed to download files of purpose: ${file.purpose}`,
    });
  }
  return withHeaders({
    status: 200,
    headers: {},
    body: { path, sizeBytes: file.bytes, type: 'application/octet-stream' },
  });
};

const noSuchFile = (id: string | null): Answer =>
  openAiError({ status: 404, message: `No such File object: ${id}`, param: 'id' });
