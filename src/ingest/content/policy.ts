import { type Kind, kindOfMediaType, kinds } from './kinds.ts';

/** Which media types may be brought. */
export interface TypePolicy {
  /** For the media type, in lower case, of content that is text, or is not. */
  allows(mediaType: string, isText: boolean): boolean;
  /** Whether anything of a family may be. */
  allowsSome(family: Kind['family']): boolean;
}

/**
 * The policy of a list of media types and ranges such as `text/*`; a single `*` is everything. Without a list: what the table
 * accepts, and any text.
 */
export const createTypePolicy = (allowedTypes: readonly string[] | undefined): TypePolicy => {
  const allows = allowedTypes === undefined ? allowsByDefault : allowsListed(allowedTypes);
  return {
    allows,
    allowsSome: (family) => kinds.some((kind) => kind.family === family && allows(kind.mediaType, false)),
  };
};

const allowsByDefault: TypePolicy['allows'] = (mediaType, isText) =>
  kindOfMediaType(mediaType)?.isAccepted ?? isText;

const allowsListed = (allowedTypes: readonly string[]): TypePolicy['allows'] => {
  const listed = new Set(allowedTypes.map((one) => nameOf(one.toLowerCase())));
  if (listed.has('*') || listed.has('*/*')) return () => true;
  return (mediaType) => {
    const name = nameOf(mediaType);
    return listed.has(name) || listed.has(`${name.split('/', 1)[0]}/*`);
  };
};

/** One of its names, always the same. */
const nameOf = (mediaType: string): string => kindOfMediaType(mediaType)?.mediaType ?? mediaType;
