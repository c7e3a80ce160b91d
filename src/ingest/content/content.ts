import { bulkhead } from 'cockatiel';
import { createClamAv, type Scanner } from './clamav.ts';
import { type ContentCheck, startContentCheck } from './content-check.ts';
import { type Claim, judgeKnown } from './judge.ts';
import { createTypePolicy } from './policy.ts';

/** Decides which content may enter. */
export interface Content {
  /** Begins to look at a file whose bytes come in. */
  check(claim: Claim): ContentCheck;
  /**
   * The media type to record for bytes that were accepted before as `mediaType`. Rejects with `type_mismatch` or
   * `type_not_allowed`, as for bytes that come in.
   */
  fits(mediaType: string, claim: Claim): string;
}

export interface ContentOptions {
  /** Media types and ranges such as `text/*`, or `*`; default: those of the table. */
  readonly allowedTypes?: readonly string[] | undefined;
  /** The virus scanner's daemon; default: none. */
  readonly clamAvUrl?: string | undefined;
}

/** Files that are looked at as a whole at the same time; each may unpack some megabytes into memory, on threads that all share. */
const INSPECTIONS = 4;

export const createContent = ({ allowedTypes, clamAvUrl }: ContentOptions = {}): Content => {
  const policy = createTypePolicy(allowedTypes);
  const scanner: Scanner | null = clamAvUrl === undefined ? null : createClamAv({ url: clamAvUrl });
  const inspections = bulkhead(INSPECTIONS, Number.POSITIVE_INFINITY);
  return {
    check: (claim) => startContentCheck({ claim, policy, scanner, inspections }),
    fits: (mediaType, claim) => judgeKnown(mediaType, claim, policy),
  };
};
