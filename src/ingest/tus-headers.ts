/** The headers of tus 1.0.0 (https://tus.io/protocols/resumable-upload) that say what a request is about. */
import { GatewayError } from '../core/errors.ts';

type Header = string | string[] | undefined;

/** `Upload-Offset`. Rejects with `invalid_request` what is no whole number, none included. */
export const parseUploadOffset = (header: Header): number => {
  if (header === undefined)
    throw invalid('Upload-Offset', 'Send Upload-Offset: how many bytes are there already.');
  return wholeNumber('Upload-Offset', header);
};

/** `Upload-Length` where it may be told; null when it is not. */
export const parseToldLength = (header: Header): number | null =>
  header === undefined ? null : wholeNumber('Upload-Length', header);

/** `Upload-Length` of a new upload; null when `Upload-Defer-Length: 1` leaves it open. Rejects none and both. */
export const parseNewLength = (length: Header, deferLength: Header): number | null => {
  if (deferLength !== undefined && deferLength !== '1')
    throw invalid('Upload-Defer-Length', 'Upload-Defer-Length can only be 1.');
  if ((length === undefined) === (deferLength === undefined))
    throw invalid('Upload-Length', 'Send either Upload-Length or Upload-Defer-Length: 1.');
  return parseToldLength(length);
};

/** A number too large to be exact is larger than anything that is accepted, and stays so. */
const wholeNumber = (name: string, header: Exclude<Header, undefined>): number => {
  if (typeof header !== 'string' || !/^\d+$/u.test(header))
    throw invalid(name, `${name} must be one whole number of bytes in decimal digits.`);
  return Math.min(Number(header), Number.MAX_SAFE_INTEGER);
};

const invalid = (param: string, message: string): GatewayError =>
  new GatewayError('invalid_request', message, { param });
