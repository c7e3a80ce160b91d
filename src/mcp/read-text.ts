import type { FileObject } from '../api/file-object.ts';
import { GatewayError } from '../core/errors.ts';
import { unwrapText } from '../core/unwrap-text.ts';
import { cutText } from './cut-text.ts';
import type { Content, Files } from './files.ts';

export const DEFAULT_TEXT_BYTES = 20_000;
export const MAX_TEXT_BYTES = 100_000;

export interface TextRequest {
  readonly id: string;
  /** Whose text; undefined: of the first provider that has one, else the file's own. */
  readonly provider: string | undefined;
  /** In bytes of UTF-8. */
  readonly offset: number;
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** A part of a text, in bytes of UTF-8, cut between characters. */
export interface TextPart {
  readonly text: string;
  readonly offset: number;
  /** Null at the end. */
  readonly nextOffset: number | null;
  /** Null as long as nobody knows. */
  readonly totalBytes: number | null;
  /** A provider, or `original`. */
  readonly from: string;
}

/**
 * A part of the text of a file: what a provider extracted, or the file itself where it is text. Rejects with
 * `content_unavailable` when there is none.
 */
export const readText = async (files: Files, request: TextRequest): Promise<TextPart> => {
  const { id, signal } = request;
  const file = await files.settled(id, { waitMs: 0, signal });
  if (request.provider !== undefined) return extracted(files, request, request.provider);
  const offering = await files.textProviders({ signal });
  const has = (provider: string, status: string): boolean =>
    file.deliveries.some((delivery) => delivery.provider === provider && delivery.status === status);
  const from = offering.find((provider) => has(provider, 'completed'));
  if (from !== undefined) return extracted(files, request, from);
  if (isTextType(file.media_type)) return original(files, request, file);
  const soon = offering.find((provider) => has(provider, 'processing') || has(provider, 'pending'));
  throw new GatewayError('content_unavailable', adviceFor(file, offering, soon), { fileId: id });
};

/** What a provider made of the file is read from its start, and not beyond what is asked for. */
const extracted = async (
  files: Files,
  { id, offset, limit, signal }: TextRequest,
  provider: string,
): Promise<TextPart> => {
  const content = await files.content(id, { provider, start: 0, signal });
  const part = await cutText(unwrapText(content.body), { offset, limit });
  if (part === null) throw noText(id, `What ${provider} has of it is no text.`);
  const { start, text, nextOffset } = part;
  return { text, offset: start, nextOffset, totalBytes: part.totalBytes, from: provider };
};

const original = async (
  files: Files,
  { id, offset, limit, signal }: TextRequest,
  { bytes }: FileObject,
): Promise<TextPart> => {
  const from = 'original';
  if (offset >= bytes) return { text: '', offset: bytes, nextOffset: null, totalBytes: bytes, from };
  const content: Content = await files.content(id, { provider: undefined, start: offset, signal });
  const part = await cutText(content.body, { offset, limit, bodyStart: offset });
  if (part === null) throw noText(id, 'Its bytes are no UTF-8 text.');
  const { start, text, nextOffset } = part;
  return { text, offset: start, nextOffset, totalBytes: bytes, from };
};

const TEXT_TYPES =
  /^(text\/.+|application\/(json|xml|yaml|toml|sql|javascript|typescript|x-(sh|yaml|ndjson|httpd-php|tex|subrip))|[^/]+\/[^/]+\+(json|xml))$/u;

const isTextType = (mediaType: string): boolean => TEXT_TYPES.test(mediaType);

const DOWNLOAD = 'download it over HTTP from /v1/files/{id}/content';

const noText = (id: string, why: string): GatewayError =>
  new GatewayError('content_unavailable', `${why} To have its bytes, ${DOWNLOAD}.`, { fileId: id });

const adviceFor = (
  { id, media_type: type }: FileObject,
  offering: readonly string[],
  soon: string | undefined,
): string => {
  if (soon !== undefined) return `${soon} has not extracted the text of ${id} yet; try again in a while.`;
  const [first] = offering;
  const deliver =
    first === undefined ? '' : `deliver it to ${first} with deliver_file to have it extracted, or `;
  return `There is no text of ${id}, which is ${type}: ${deliver}${DOWNLOAD}.`;
};
