import { randomUUID } from 'node:crypto';
import { type Answer, jsonAnswer } from './answer.ts';
import {
  type Call,
  createVariants,
  type Dialect,
  type UploadForm,
  type Variants,
  type Verdict,
} from './dialect.ts';
import { type Emulator, type EmulatorLimits, type EmulatorOptions, startEmulator } from './emulator.ts';
import type { FileShelf, StoredFile } from './file-shelf.ts';
import {
  type MistralProblem,
  mistralError,
  noSuchFile,
  notAmong,
  readWhole,
  unprocessable,
} from './mistral-errors.ts';
import { MISTRAL_SHAPE, mistralList } from './mistral-list.ts';
import { isSigned, signedUrl } from './mistral-signed-url.ts';
import { oneOf, type SettingValues, textList } from './settings.ts';

/** Where sources on Mistral disagree or are silent; the first choice of each is the default. */
const MISTRAL_VARIANTS = {
  /** Its API description; the text in it names `audio` too. */
  purposes: textList(['fine-tune', 'batch', 'ocr']),
  /** Not documented whether an upload may leave it out; `fine-tune` is what clients send by default. */
  purpose: oneOf('optional', 'required'),
  /** Bytes that are there already: their file is answered, or a second one is made. */
  sameBytes: oneOf('same-file', 'new-file'),
  /** One page says files are kept 30 days, older ones until they are deleted. */
  retention: oneOf('until-deleted', '30-days'),
  /** Not documented. */
  emptyFile: oneOf('refuse', 'accept'),
};
export type MistralVariants = SettingValues<typeof MISTRAL_VARIANTS>;

/**
 * Starts an emulator of Mistral's Files API (docs.mistral.ai, files). Like Mistral it answers bytes it has already with
 * the file they are in, so that deleting it takes it from every uploader. The caller closes it. Rejects with
 * `UnusableSetting` for a variant it does not know, and when the port or the directory cannot be used.
 */
export const startMistralEmulator = async (
  options: EmulatorOptions & { readonly variants?: Partial<MistralVariants> },
): Promise<Emulator> => startEmulator(createMistral(options), options);

// "512 MB" in the documents, a power of two. Neither a number of files nor a total is documented.
const MISTRAL_LIMITS: EmulatorLimits = {
  maxFileBytes: 512 * 1_048_576,
  maxFiles: Number.POSITIVE_INFINITY,
  maxTotalBytes: Number.POSITIVE_INFINITY,
};

const createMistral = ({
  apiKey,
  limits,
  variants: given,
}: {
  apiKey: string;
  limits?: Partial<EmulatorLimits>;
  variants?: Partial<MistralVariants>;
}): Dialect => {
  const variants = createVariants(MISTRAL_VARIANTS, given);
  const bounds = { ...MISTRAL_LIMITS, ...limits };
  return {
    name: 'mistral',
    basePath: '/v1',
    variants,
    shape: MISTRAL_SHAPE,
    capBytes: bounds.maxFileBytes,
    contentLeaves: ['content', 'url'],
    newId: randomUUID,
    offers: () => true,
    authorize: (call) => {
      const isKnown = call.request.headers.authorization === `Bearer ${apiKey}` || isSigned(call, apiKey);
      return isKnown ? refusedId(call) : mistralError(401);
    },
    examine: (_, form, shelf) => examine(form, shelf, { bounds, variants }),
    unreadable: (_, reason) => mistralError(400, { message: reason }),
    uploaded: (file) => jsonAnswer(200, fileObject(file)),
    listed: (call, files) => {
      const list = mistralList(call.url.searchParams, files.map(fileObject));
      return isProblem(list) ? unprocessable(list) : jsonAnswer(200, list);
    },
    retrieved: (file) => jsonAnswer(200, { ...fileObject(file), deleted: false }),
    content: async (call, file, path) => content(call, file, { path, apiKey }),
    deleted: (id, deleted) => jsonAnswer(200, { id, object: 'file', deleted }),
    missing: noSuchFile,
    unknownRoute: () => mistralError(404),
    failure: (_, status, code) => mistralError(status, { code }),
  };
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const refusedId = ({ id }: Call): Answer | null => {
  if (id === null || UUID.test(id)) return null;
  const msg = 'Input should be a valid UUID';
  return unprocessable({ loc: ['path', 'file_id'], msg, type: 'uuid_parsing' });
};

const isProblem = (value: object): value is MistralProblem => 'loc' in value;

// The documented values have none for OCR, so that one is ours and nothing to rely on; an upload for fine-tuning may as
// well be `pretrain`, which depends on its content.
const SAMPLE_TYPES: Readonly<Record<string, string>> = {
  'fine-tune': 'instruct',
  batch: 'batch_request',
  ocr: 'ocr_input',
};

const SIGNATURE_CHARACTERS = 32;

const fileObject = (file: StoredFile) => ({
  id: file.id,
  object: 'file',
  bytes: file.bytes,
  created_at: file.createdAt,
  filename: file.filename,
  purpose: file.purpose,
  sample_type: SAMPLE_TYPES[file.purpose] ?? 'instruct',
  num_lines: null,
  mimetype: file.mediaType,
  source: 'upload',
  // Depends on nothing but the bytes; how Mistral makes it is not known.
  signature: file.sha256.slice(0, SIGNATURE_CHARACTERS),
  expires_at: file.expiresAt ?? null,
});

interface Rules {
  readonly bounds: EmulatorLimits;
  readonly variants: Variants<typeof MISTRAL_VARIANTS>;
}

const examine = ({ file, fields }: UploadForm, shelf: FileShelf, { bounds, variants }: Rules): Verdict => {
  const { purposes, sameBytes, emptyFile } = variants.current;
  if (file === null) return refuse({ loc: ['body', 'file'], msg: 'Field required', type: 'missing' });
  const purpose = fields.get('purpose') ?? (variants.current.purpose === 'optional' ? 'fine-tune' : null);
  if (purpose === null) return refuse({ loc: ['body', 'purpose'], msg: 'Field required', type: 'missing' });
  if (!purposes.includes(purpose)) return refuse(notAmong(['body', 'purpose'], purposes));
  const hours = expiryHours(fields.get('expiry'), variants.current);
  if (hours !== null && typeof hours !== 'number') return refuse(hours);
  if (file.bytes === 0 && emptyFile === 'refuse') {
    return refuse({ loc: ['body', 'file'], msg: 'File is empty', type: 'value_error' });
  }
  if (file.bytes > bounds.maxFileBytes) return { refusal: mistralError(413) };

  const existing = shelf.files().find(({ sha256 }) => sha256 === file.sha256);
  if (existing !== undefined && sameBytes === 'same-file') return { existing };
  const used = shelf.usage();
  if (used.files >= bounds.maxFiles || used.bytes + file.bytes > bounds.maxTotalBytes) {
    return { refusal: mistralError(403, { message: 'Storage limit reached' }) };
  }
  return {
    file,
    purpose,
    problem: null,
    ...(hours === null ? {} : { expiresInSeconds: hours * SECONDS_PER_HOUR }),
  };
};

const SECONDS_PER_HOUR = 3_600;
const RETENTION_HOURS = 30 * 24;

const refuse = (problem: MistralProblem): Verdict => ({ refusal: unprocessable(problem) });

const expiryHours = (
  text: string | undefined,
  { retention }: MistralVariants,
): number | MistralProblem | null => {
  // A form has no null; these are what clients send for one.
  const isNone = text === undefined || text === '' || text === 'null';
  if (isNone) return retention === '30-days' ? RETENTION_HOURS : null;
  return readWhole(text, ['body', 'expiry'], { min: 1 });
};

const DEFAULT_URL_HOURS = '24';
const MAX_URL_HOURS = 168;

const content = (
  call: Call,
  file: StoredFile,
  { path, apiKey }: { path: string; apiKey: string },
): Answer => {
  if (!call.url.pathname.endsWith('/url')) {
    return {
      status: 200,
      headers: {},
      body: { path, sizeBytes: file.bytes, type: 'application/octet-stream' },
    };
  }
  const text = call.url.searchParams.get('expiry') ?? DEFAULT_URL_HOURS;
  const hours = readWhole(text, ['query', 'expiry'], { min: 1, max: MAX_URL_HOURS });
  if (typeof hours !== 'number') return unprocessable(hours);
  return jsonAnswer(200, { url: signedUrl(call, apiKey, hours) });
};
