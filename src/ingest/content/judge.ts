import mime from 'mime';
import { extensionOf } from '../../core/filename.ts';
import { UNKNOWN_MEDIA_TYPE } from '../media-type.ts';
import { type Kind, kindOfExtension, kindOfMediaType } from './kinds.ts';
import type { Found } from './magic.ts';
import type { TypePolicy } from './policy.ts';
import { mismatch, notAllowed } from './refusals.ts';

/** What a client says of a file. */
export interface Claim {
  readonly filename: string;
  /** Well formed; `application/octet-stream` says nothing. */
  readonly mediaType: string;
}

/**
 * The media type to record for what was found. What was found wins: a claim that contradicts it is refused
 * (`type_mismatch`), and so is what the policy does not accept (`type_not_allowed`).
 */
export const judge = (found: Found, claim: Claim, policy: TypePolicy): string => {
  const named = namedKind(claim.filename);
  if (named?.family === 'executable' && !policy.allows(named.mediaType, false)) {
    throw notAllowed(`The name ${claim.filename} is that of a program; those are`);
  }
  const declared = saysMoreThanTheName(claim, named) ? claim.mediaType : null;
  const mediaType = mediaTypeOf(found, named, declared);
  const isAllowed =
    family(found) === 'zip' ? policy.allowsSome('zip') : policy.allows(mediaType, found.as === 'text');
  // An unknown type under a known name is first of all not what it says.
  if (named !== undefined && !fits(found, named)) {
    throw mismatch(`The content is ${whatIs(found)}, not what the name ${claim.filename} says.`);
  }
  if (declared !== null && !mayBe(found, declared)) {
    throw mismatch(`The content is ${whatIs(found)}, not ${declared} as declared.`);
  }
  if (!isAllowed) throw notAllowed(`The content is ${whatIs(found)}; that is`);
  return mediaType;
};

/** Rejects, as `judge` does, a claim about content that was found to be of a media type before. */
export const judgeKnown = (mediaType: string, claim: Claim, policy: TypePolicy): string => {
  const kind = kindOfMediaType(mediaType);
  const isText = kind === undefined ? mediaType !== UNKNOWN_MEDIA_TYPE : kind.family === 'text';
  if (isText) return judge({ as: 'text', encoding: 'bytes' }, claim, policy);
  const verdict = judge(
    kind === undefined ? { as: 'other', mediaType: null } : { as: 'kind', kind },
    claim,
    policy,
  );
  return kind?.family === 'zip' ? settleZip(mediaType, claim, policy) : verdict;
};

/** Judges what turned out to be in a zip archive, of which the beginning tells no more than that it is one. */
export const settleZip = (mediaType: string, claim: Claim, policy: TypePolicy): string => {
  const named = namedKind(claim.filename);
  const claimed = named ?? kindOfMediaType(claim.mediaType);
  const isPlain =
    claimed === undefined || claimed.mediaType === 'application/zip' || claimed.mediaType === mediaType;
  if (!isPlain && claimed.family === 'zip') {
    throw mismatch(`The content is ${mediaType}, not ${claimed.mediaType}.`);
  }
  if (!policy.allows(mediaType, false)) throw notAllowed(`The content is ${mediaType}; that is`);
  return mediaType;
};

/** The kind that the last extension says, which is the one that systems go by. */
const namedKind = (filename: string): Kind | undefined => {
  // Windows drops dots and spaces at the end, and some readers stop at a NUL that was written as %00.
  const name = filename.normalize('NFKC').replace(/[. ]+$/u, '');
  const extension = extensionOf(name);
  if (name.includes('%00') || MIXED_LETTERS.every((script) => script.test(extension))) {
    throw mismatch('The file name is made to look like another.');
  }
  return kindOfExtension(extension);
};

const MIXED_LETTERS = [/\p{Script=Latin}/u, /[\p{Script=Cyrillic}\p{Script=Greek}]/u];

/** Clients look a type up by the name and send it: `video/mp2t` for TypeScript, or Excel's for a CSV on Windows. */
const saysMoreThanTheName = ({ filename, mediaType }: Claim, named: Kind | undefined): boolean =>
  mediaType !== UNKNOWN_MEDIA_TYPE &&
  mediaType !== named?.mediaType &&
  mediaType !== mime.getType(filename) &&
  !(named?.mediaType === 'text/csv' && mediaType === 'application/vnd.ms-excel');

const family = (found: Found): Kind['family'] | null => {
  if (found.as === 'text') return 'text';
  return found.as === 'kind' ? found.kind.family : null;
};

const fits = (found: Found, claimed: Kind): boolean => {
  const is = family(found);
  // Programs are archives, compound files, scripts, or what nobody knows; none of them has a medium's magic number.
  if (claimed.family === 'executable') return is === null || PROGRAM.has(is);
  if (claimed.family !== is) return false;
  return is !== 'single' || (found.as === 'kind' && found.kind === claimed);
};

const PROGRAM: ReadonlySet<Kind['family']> = new Set(['text', 'zip', 'gzip', 'compound', 'executable']);

const mayBe = (found: Found, declared: string): boolean => {
  const kind = kindOfMediaType(declared);
  if (kind !== undefined) return fits(found, kind);
  const [declaredClass = ''] = declared.split('/', 1);
  if (!MEDIA_CLASSES.has(declaredClass)) return true;
  if (found.as === 'other' && found.mediaType === null) return declaredClass !== 'text';
  const mediaType =
    found.as === 'kind' ? found.kind.mediaType : found.as === 'text' ? 'text/' : found.mediaType;
  return mediaType?.startsWith(`${declaredClass}/`) ?? false;
};

const MEDIA_CLASSES = new Set(['text', 'image', 'audio', 'video', 'font', 'model']);

const mediaTypeOf = (found: Found, named: Kind | undefined, declared: string | null): string => {
  if (found.as === 'other') return found.mediaType ?? UNKNOWN_MEDIA_TYPE;
  if (found.as === 'text') return declared ?? named?.mediaType ?? 'text/plain';
  const { kind } = found;
  if (kind.family === 'single' || kind.family === 'executable') return kind.mediaType;
  // Of a family that cannot be told apart, the name is believed first.
  const declaredKind = declared === null ? undefined : kindOfMediaType(declared);
  return (
    [named, declaredKind].find((claimed) => claimed?.family === kind.family)?.mediaType ?? kind.mediaType
  );
};

const whatIs = (found: Found): string => {
  if (found.as === 'text') return 'text';
  return (found.as === 'kind' ? found.kind.mediaType : found.mediaType) ?? 'of no known type';
};
