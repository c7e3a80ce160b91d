import mime from 'mime';
import { extensionOf } from '../core/filename.ts';
import { kindOfExtension } from './content/kinds.ts';

/** Of bytes that nothing is known about. */
export const UNKNOWN_MEDIA_TYPE = 'application/octet-stream';
const WELL_FORMED = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/u;

/**
 * What a client claims of a file: the declared media type if it says anything, else the one the file name suggests. Of a
 * declaration that is malformed, nothing counts.
 */
export const mediaTypeOf = (declared: string | undefined, filename: string): string => {
  const essence = declared?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (WELL_FORMED.test(essence) && essence !== UNKNOWN_MEDIA_TYPE && !NOT_A_FILE_TYPE.has(essence))
    return essence;
  return kindOfExtension(extensionOf(filename))?.mediaType ?? mime.getType(filename) ?? UNKNOWN_MEDIA_TYPE;
};

/** What HTTP clients send on their own account when nobody told them the type of a raw body. */
const NOT_A_FILE_TYPE = new Set(['application/x-www-form-urlencoded', 'multipart/form-data']);
