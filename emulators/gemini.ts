import { randomInt } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Answer, jsonAnswer } from './answer.ts';
import { type Call, createVariants, type Dialect, type Route } from './dialect.ts';
import { type Emulator, type EmulatorLimits, type EmulatorOptions, startEmulator } from './emulator.ts';
import type { StoredFile } from './file-shelf.ts';
import { type UploadRules, uploadOperation } from './gemini-commands.ts';
import { googleError, invalidKey, noSuchPath, rateLimited, storageFull } from './gemini-errors.ts';
import { type FileView, fileObject, GEMINI_SHAPE, GENERATED } from './gemini-file.ts';
import { listPage } from './gemini-list.ts';
import { noSuchUpload } from './gemini-upload-answers.ts';
import { createUploads } from './gemini-uploads.ts';
import { oneOf, type SettingValues, text, wholeNumber } from './settings.ts';

/** Where sources on Gemini disagree or are silent, or the service decides; the first choice of each is the default. */
const GEMINI_VARIANTS = {
  /** 8 MiB in two captures, 256 KiB at Google's own reference server. Holds for uploads started later. */
  granularityBytes: wholeNumber(8_388_608, { min: 1 }),
  /** What stays of a chunk whose connection breaks; no source says. */
  brokenChunk: oneOf('whole-granules', 'nothing'),
  /** The REST reference against captures from the time of the first SDKs. */
  sha256Hash: oneOf('base64', 'base64-of-hex'),
  /** How often a file is retrieved as PROCESSING before it is usable. */
  processingRetrieves: wholeNumber(0),
  /** The same for video and audio, which take a while. */
  mediaProcessingRetrieves: wholeNumber(1),
  /** How the processing of files uploaded from now on ends. */
  processingEnds: oneOf('active', 'failed'),
  lifetimeSeconds: wholeNumber(48 * 3_600, { min: 1 }),
  /** The wait a rate limit names; empty where it names none. */
  retryDelay: text('12s'),
};
export type GeminiVariants = SettingValues<typeof GEMINI_VARIANTS>;

/**
 * Starts an emulator of the Gemini Developer API's Files (ai.google.dev/api/files); of the ways to upload it has the
 * resumable one. The caller closes it. Rejects with `UnusableSetting` for a variant it does not know, and when the port
 * or the directory cannot be used.
 */
export const startGeminiEmulator = async (
  options: EmulatorOptions & { readonly variants?: Partial<GeminiVariants> },
): Promise<Emulator> => startEmulator(createGemini(options), options);

const GIB = 1_073_741_824;

// The documents say 2 GB and 20 GB; the quota named in errors is 21474836480 bytes.
const GEMINI_LIMITS: EmulatorLimits = {
  maxFileBytes: 2 * GIB,
  maxFiles: Number.POSITIVE_INFINITY,
  maxTotalBytes: 20 * GIB,
};

const createGemini = ({
  apiKey,
  limits: given,
  variants: chosen,
}: {
  apiKey: string;
  limits?: Partial<EmulatorLimits>;
  variants?: Partial<GeminiVariants>;
}): Dialect => {
  const variants = createVariants(GEMINI_VARIANTS, chosen);
  const limits = { ...GEMINI_LIMITS, ...given };
  const looks = new WeakMap<StoredFile, number>();
  const show = (file: StoredFile, call: Call) =>
    fileObject(file, call, viewOf(file, variants.current, looks.get(file) ?? 0));
  const uploads = createUploads(() => uploadRules(variants.current, limits, show));
  const unknownRoute = ({ url }: Call): Answer => noSuchPath(url.pathname);
  return {
    name: 'gemini',
    basePath: '',
    variants,
    shape: GEMINI_SHAPE,
    capBytes: limits.maxFileBytes,
    newId,
    route: routeOf,
    step: uploads.step,
    uploads: uploads.all,
    offers: (operation) => operation !== 'upload',
    authorize: (call) => authorize(call, apiKey),
    // No request is an upload of its own, so that there is no form to look at.
    examine: (call) => ({ refusal: unknownRoute(call) }),
    unreadable: unknownRoute,
    uploaded: (file, call) => jsonAnswer(200, { file: show(file, call) }),
    listed: (call, files, shelf) =>
      listPage(call.url.searchParams, { files, shelf, show: (file) => show(file, call) }),
    retrieved: (file, call) => {
      const answer = jsonAnswer(200, show(file, call));
      looks.set(file, (looks.get(file) ?? 0) + 1);
      return answer;
    },
    content: async (_, file, path) => content(file, path),
    // The answer has no word for a file that stays, so the fault that leaves it there shows in the next list only.
    deleted: () => jsonAnswer(200, {}),
    missing: ({ id, url }) => (isUnderWay(url) ? noSuchUpload() : noSuchFile(id)),
    unknownRoute,
    failure: (_, status, code) => failure({ status, code }, variants.current, limits),
  };
};

const uploadRules = (
  variants: GeminiVariants,
  limits: EmulatorLimits,
  show: UploadRules['show'],
): UploadRules => ({
  limits,
  granularityBytes: variants.granularityBytes,
  whenBroken: variants.brokenChunk,
  lifetimeSeconds: variants.lifetimeSeconds,
  problem: variants.processingEnds === 'failed' ? 'The file failed to be processed.' : null,
  newId,
  show,
});

const newId = (): string => Array.from({ length: 12 }, () => randomInt(36).toString(36)).join('');

const viewOf = (file: StoredFile, variants: GeminiVariants, looks: number): FileView => {
  const isMedia = /^(video|audio)\//.test(file.mediaType);
  const needed = isMedia ? variants.mediaProcessingRetrieves : variants.processingRetrieves;
  const ended = file.problem === null ? 'ACTIVE' : 'FAILED';
  return {
    state: looks < needed ? 'PROCESSING' : ended,
    sha256Hash: variants.sha256Hash,
    lifetimeSeconds: variants.lifetimeSeconds,
  };
};

const UPLOAD_PATH = '/upload/v1beta/files';
const FILE_PATH = /^\/v1beta\/files(?:\/(?<id>[^/:]+)(?<download>:download)?)?$/;

/** The URL of an upload under way carries its secret. */
const isUnderWay = ({ pathname, searchParams }: URL): boolean =>
  pathname === UPLOAD_PATH && searchParams.has('upload_id');

const routeOf = ({ method = '', headers }: IncomingMessage, url: URL): Route | null => {
  if (isUnderWay(url)) {
    return method === 'POST' || method === 'PUT' ? { operation: uploadOperation(headers), id: null } : null;
  }
  if (url.pathname === UPLOAD_PATH) return method === 'POST' ? { operation: 'start', id: null } : null;
  const file = FILE_PATH.exec(url.pathname)?.groups;
  if (file === undefined) return null;
  const { id = null, download } = file;
  if (method === 'DELETE') return id === null || download ? null : { operation: 'delete', id };
  if (method !== 'GET') return null;
  if (id === null) return { operation: 'list', id };
  return { operation: download ? 'content' : 'retrieve', id };
};

const authorize = ({ request, url }: Call, apiKey: string): Answer | null => {
  if (isUnderWay(url)) return null;
  const key = request.headers['x-goog-api-key'] ?? url.searchParams.get('key');
  if (key === apiKey) return null;
  return key === null ? googleError(403, { message: UNREGISTERED }) : invalidKey();
};

const UNREGISTERED =
  "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.";

/** The same for a file that expired, never was, or is someone else's. */
const noSuchFile = (id: string | null): Answer =>
  googleError(403, {
    message: `You do not have permission to access the File ${id} or it may not exist.`,
  });

const content = (file: StoredFile, path: string): Answer => {
  if (file.purpose !== GENERATED) {
    return googleError(400, { message: 'Only generated files can be downloaded.' });
  }
  return { status: 200, headers: {}, body: { path, sizeBytes: file.bytes, type: file.mediaType } };
};

const failure = (
  { status, code }: { status: number; code: string | null },
  { retryDelay }: GeminiVariants,
  limits: EmulatorLimits,
): Answer => {
  if (code === 'API_KEY_INVALID') return { ...invalidKey(), status };
  if (code === 'FileStorageBytesPerProject') return { ...storageFull(limits.maxTotalBytes), status };
  if (code !== null) return googleError(status, { status: code });
  return status === 429 ? rateLimited(retryDelay) : googleError(status);
};
