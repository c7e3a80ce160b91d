import mime from 'mime';
import { GatewayError } from '../core/errors.ts';
import { cleanFilename } from '../core/filename.ts';
import type { UploadOptions } from '../core/incoming.ts';
import type { ProviderId } from '../core/provider.ts';
import { mediaTypeOf, UNKNOWN_MEDIA_TYPE } from './media-type.ts';
import { parseUploadOptions } from './upload-options.ts';

/** What a client says of a file in `Upload-Metadata`, checked. */
export interface DescribedUpload {
  /** Clean (see `core/filename.ts`). */
  readonly filename: string;
  readonly mediaType: string;
  readonly options: UploadOptions;
}

/** For a file that was given no name. */
const DEFAULT_NAME = 'upload';

/**
 * The file that the metadata describes. `filename` and `filetype` are what tus-js-client's users send, `name` and `type`
 * what Uppy adds. Rejects as the other surfaces do. One of which neither name nor type is told suits no provider: unless
 * some are named, it is for none.
 */
export const describeUpload = (
  metadata: ReadonlyMap<string, string>,
  configured: readonly ProviderId[],
): DescribedUpload => {
  const given = (...names: string[]): string | undefined =>
    names.map((name) => metadata.get(name)).find((value) => value !== undefined && value !== '');
  const name = given('filename', 'name');
  const mediaType = mediaTypeOf(given('filetype', 'type'), name ?? '');
  const isUnknown = name === undefined && mediaType === UNKNOWN_MEDIA_TYPE;
  const extension = isUnknown ? null : mime.getExtension(mediaType);
  const filename = cleanFilename(
    name ?? (extension === null ? DEFAULT_NAME : `${DEFAULT_NAME}.${extension}`),
  );
  const options = parseUploadOptions(
    {
      purpose: given('purpose'),
      provider: given('provider') ?? (isUnknown ? 'none' : undefined),
      expiresAfterAnchor: given('expires_after[anchor]'),
      expiresAfterSeconds: given('expires_after[seconds]'),
    },
    configured,
  );
  return { filename, mediaType, options };
};

/**
 * `Upload-Metadata` of tus 1.0.0: pairs with commas between, each a key and, behind a space, its value in Base64. Rejects
 * with `invalid_request` an empty key, one that comes twice, and what is no Base64 or no UTF-8.
 */
export const parseUploadMetadata = (header: string | string[] | undefined): ReadonlyMap<string, string> => {
  const metadata = new Map<string, string>();
  if (header === undefined || header === '') return metadata;
  if (typeof header !== 'string') throw invalid('is there twice');
  for (const pair of header.split(',')) {
    const [key = '', value = '', ...rest] = pair.split(' ');
    if (!KEY.test(key)) throw invalid('has a key that is empty or not plain ASCII');
    if (metadata.has(key)) throw invalid(`has the key ${key.slice(0, 80)} twice`);
    if (rest.length > 0) throw invalid('has a pair with more than one space');
    metadata.set(key, text(value));
  }
  return metadata;
};

const KEY = /^[\x21-\x2b\x2d-\x7e]+$/u;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const text = (base64: string): string => {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) throw invalid('has a value that is not Base64');
  try {
    return UTF8.decode(bytes);
  } catch (cause) {
    throw invalid('has a value that is not UTF-8', cause);
  }
};

const invalid = (what: string, cause?: unknown): GatewayError =>
  new GatewayError(
    'invalid_request',
    `Upload-Metadata ${what}; send unique keys, each followed by a space and its value in Base64.`,
    { param: 'Upload-Metadata', cause },
  );
