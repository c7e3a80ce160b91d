import { randomUUID } from 'node:crypto';
import { extname } from 'node:path';
import { type Answer, jsonAnswer, rawAnswer } from './answer.ts';
import { type Call, createVariants, type Dialect, type UploadForm, type Verdict } from './dialect.ts';
import { type Emulator, type EmulatorLimits, type EmulatorOptions, startEmulator } from './emulator.ts';
import { extractedContent } from './extracted-content.ts';
import type { FileShelf, StoredFile } from './file-shelf.ts';
import { glmError } from './glm-errors.ts';
import { GLM_PURPOSES, type GlmPurpose, isImage } from './glm-purposes.ts';
import { refusedToken } from './glm-token.ts';
import type { ReceivedFile } from './read-upload.ts';
import { oneOf, type SettingValues } from './settings.ts';

/** Where sources on GLM disagree or are silent; the first choice of each is the default. */
const GLM_VARIANTS = {
  /** Whose purposes and limits: z.ai's (`agent` only), bigmodel.cn's, or bigmodel.cn's with `file-extract`. */
  site: oneOf('international', 'mainland', 'mainland-older'),
  /** Files of a type not documented for the purpose are refused, or any type is taken. */
  types: oneOf('documented', 'any'),
  /** Not documented. */
  emptyFile: oneOf('refuse', 'accept'),
  /** A body without Content-Length; no source shows one accepted or refused. */
  chunkedBody: oneOf('accept', 'refuse'),
  /** List, content and delete are documented by bigmodel.cn only. */
  management: oneOf('present', 'absent'),
  /** `GET /files/{id}` is in no document and commented out in the Python SDKs. */
  retrieve: oneOf('absent', 'present'),
  /** One page of bigmodel.cn says a list needs `purpose`. */
  listPurpose: oneOf('optional', 'required'),
  /** A capture of 2024 has the name under `fileName` only. */
  nameField: oneOf('filename', 'fileName'),
  /** Not documented; null in the capture, optional in SDK types. */
  status: oneOf('absent', 'null', 'processed'),
  /** Whether an upload answers the file object or wraps it in `data`. */
  envelope: oneOf('bare', 'data'),
  /** `{error: {code, message}}`, or flat as in z.ai's OpenAPI. */
  errorShape: oneOf('nested', 'flat'),
  /** Digits as a string, or a number as in z.ai's OpenAPI. */
  codeType: oneOf('string', 'number'),
};
export type GlmVariants = SettingValues<typeof GLM_VARIANTS>;

/**
 * Starts an emulator of GLM's Files API (docs.z.ai, docs.bigmodel.cn). The caller closes it. Rejects with
 * `UnusableSetting` for a variant it does not know, and when the port or the directory cannot be used.
 */
export const startGlmEmulator = async (
  options: EmulatorOptions & { readonly variants?: Partial<GlmVariants> },
): Promise<Emulator> => startEmulator(createGlm(options), options);

// Above it every purpose answers 435.
const MAX_FILE_BYTES = 100 * 1_048_576;

interface Rules {
  readonly limits: Partial<EmulatorLimits>;
  readonly variants: GlmVariants;
}

const createGlm = ({
  apiKey,
  limits = {},
  variants: given,
}: {
  apiKey: string;
  limits?: Partial<EmulatorLimits>;
  variants?: Partial<GlmVariants>;
}): Dialect => {
  const variants = createVariants(GLM_VARIANTS, given);
  const refuse = ({ request }: Call, reason: GlmReason): Answer =>
    glmError(request, variants.current, reason);
  const show = (file: StoredFile) => fileObject(file, variants.current);
  return {
    name: 'glm',
    basePath: '/api/paas/v4',
    variants,
    capBytes: limits.maxFileBytes ?? MAX_FILE_BYTES,
    newId: () => `${new Date().toISOString().slice(0, 10).replaceAll('-', '')}_${randomUUID()}`,
    offers: (operation) => {
      if (operation === 'upload') return true;
      return variants.current[operation === 'retrieve' ? 'retrieve' : 'management'] === 'present';
    },
    authorize: (call) => {
      const code = refusedToken(call.request.headers.authorization, apiKey);
      return code === null ? null : refuse(call, { status: 401, code });
    },
    examine: (call, form, shelf) => {
      const verdict = examine(form, shelf, { limits, variants: variants.current, call });
      return 'reason' in verdict ? { refusal: refuse(call, verdict.reason) } : verdict;
    },
    unreadable: (call, reason) => refuse(call, badValue(reason)),
    uploaded: (file) =>
      jsonAnswer(200, variants.current.envelope === 'data' ? { data: show(file) } : show(file)),
    listed: (call, files, shelf) => {
      const page = pageOf(call.url.searchParams, { files, shelf, variants: variants.current });
      if ('status' in page) return refuse(call, page);
      return jsonAnswer(200, { object: 'list', data: page.files.map(show), has_more: page.hasMore });
    },
    retrieved: (file) => jsonAnswer(200, show(file)),
    content: async (call, file, path) => (await content(file, path)) ?? refuse(call, badValue('purpose')),
    deleted: (id, deleted) => jsonAnswer(200, { id, object: 'file', deleted }),
    missing: (call) =>
      refuse(call, {
        status: 404,
        message: { en: `File ${call.id} does not exist`, zh: `文件${call.id}不存在` },
      }),
    unknownRoute: (call) => refuse(call, { status: 404, code: '1222' }),
    failure: (call, status, code) => refuse(call, { status, code }),
  };
};

type GlmReason = Parameters<typeof glmError>[2];

const badValue = (what: string): GlmReason => ({
  status: 400,
  code: '1214',
  message: { en: `Invalid value: ${what}`, zh: `参数非法：${what}` },
});

const fileObject = (file: StoredFile, { nameField, status }: GlmVariants) => ({
  id: file.id,
  object: 'file',
  bytes: file.bytes,
  [nameField]: file.filename,
  purpose: file.purpose,
  created_at: file.createdAt,
  ...(status === 'absent' ? {} : { status: status === 'null' ? null : status }),
});

const examine = (
  { file, fields }: UploadForm,
  shelf: FileShelf,
  { limits, variants, call }: Rules & { call: Call },
): Exclude<Verdict, { refusal: Answer }> | { reason: GlmReason } => {
  const purpose = fields.get('purpose') ?? '';
  const allowed = Object.entries(GLM_PURPOSES[variants.site]).find(([name]) => name === purpose)?.[1];
  if (variants.chunkedBody === 'refuse' && call.request.headers['content-length'] === undefined) {
    return { reason: { status: 411, code: '1214' } };
  }
  if (file === null) return { reason: badValue('file') };
  if (allowed === undefined) return { reason: badValue('purpose') };
  const reason =
    badFile(file, allowed, { limits, variants }) ??
    tooMany({ bytes: file.bytes, purpose }, shelf, { limits, allowed });
  return reason === null ? { file, purpose, problem: null } : { reason };
};

const badFile = (file: ReceivedFile, allowed: GlmPurpose, { limits, variants }: Rules): GlmReason | null => {
  if (file.bytes > (limits.maxFileBytes ?? MAX_FILE_BYTES)) {
    return { status: 435, message: { en: 'File size exceeds 100MB', zh: '文件大小超过100MB' } };
  }
  if (file.bytes === 0 && variants.emptyFile === 'refuse') return badValue('file is empty');
  const extension = extname(file.filename).slice(1).toLowerCase();
  if (variants.types === 'documented' && !allowed.types.includes(extension)) {
    return badValue(`file type .${extension}`);
  }
  const maxBytes = isImage(extension) ? allowed.maxImageBytes : allowed.maxFileBytes;
  return file.bytes > (limits.maxFileBytes ?? maxBytes) ? badValue('file size') : null;
};

const tooMany = (
  { bytes, purpose }: { bytes: number; purpose: string },
  shelf: FileShelf,
  { limits, allowed }: { limits: Partial<EmulatorLimits>; allowed: GlmPurpose },
): GlmReason | null => {
  const counted = shelf.usage(limits.maxFiles === undefined ? purpose : undefined);
  if (counted.files >= (limits.maxFiles ?? allowed.maxFiles)) return badValue('number of files');
  const totalBytes = shelf.usage().bytes + bytes;
  return totalBytes > (limits.maxTotalBytes ?? Number.POSITIVE_INFINITY)
    ? badValue('total size of files')
    : null;
};

interface Page {
  readonly files: readonly StoredFile[];
  readonly hasMore: boolean;
}

const DEFAULT_PAGE = 20;
const MAX_PAGE = 100;

const pageOf = (
  query: URLSearchParams,
  { files, shelf, variants }: { files: readonly StoredFile[]; shelf: FileShelf; variants: GlmVariants },
): Page | (GlmReason & { status: number }) => {
  const purpose = query.get('purpose');
  const limit = Number(query.get('limit') ?? DEFAULT_PAGE);
  if (purpose === null && variants.listPurpose === 'required') return badValue('purpose');
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) return badValue('limit');
  const matching = files.filter((file) => purpose === null || file.purpose === purpose);
  const ordered = query.get('order') === 'asc' ? matching.toReversed() : matching;
  const after = query.get('after');
  if (after === null) return cut(ordered, limit);
  // A cursor stays good when its file is deleted between two pages.
  const last = shelf.find(after) ?? shelf.removed().find(({ file }) => file.id === after)?.file;
  if (last === undefined) return badValue('after');
  const isLater = (file: StoredFile): boolean =>
    query.get('order') === 'asc' ? file.sequence > last.sequence : file.sequence < last.sequence;
  return cut(ordered.filter(isLater), limit);
};

const cut = (files: readonly StoredFile[], limit: number): Page => ({
  files: files.slice(0, limit),
  hasMore: files.length > limit,
});

// Documented for `batch`, whose files are answered as they are, and in older pages for `file-extract`, as text.
const content = async (file: StoredFile, path: string): Promise<Answer | null> => {
  if (file.purpose === 'batch') {
    return {
      status: 200,
      headers: {},
      body: { path, sizeBytes: file.bytes, type: 'application/octet-stream' },
    };
  }
  if (file.purpose !== 'file-extract') return null;
  return rawAnswer(200, await extractedContent(file, path), { type: 'application/octet-stream' });
};
