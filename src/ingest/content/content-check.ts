import type { BulkheadPolicy } from 'cockatiel';
import type { Scanner } from './clamav.ts';
import { inspectWhole, isInspectedWhole } from './inspect-whole.ts';
import { type Claim, judge } from './judge.ts';
import { contentLimits } from './limits.ts';
import { type Found, findKind } from './magic.ts';
import type { TypePolicy } from './policy.ts';
import { unsafe } from './refusals.ts';
import { type ContentSource, readAt } from './source.ts';
import { hasNul } from './text.ts';

/**
 * Looks at a file while it comes in. Its methods reject with `type_mismatch`, `type_not_allowed` and `unsafe_content`; then the
 * file is to be given up.
 */
export interface ContentCheck {
  /** What is recorded, as far as it is known: the claim until the beginning has been seen. */
  readonly mediaType: string;
  /** Whether what has come may be passed on before the rest is there. */
  readonly mayLeave: boolean;
  /**
   * Looks at what comes next. What came before `position` without having been seen here, as before a restart, or was taken
   * back, is read again by `readHead`.
   */
  take(chunk: Buffer, position: number, readHead: (endBytes: number) => Promise<Buffer>): Promise<void>;
  /** Looks at the whole file. Resolves to the media type to record. Rejects also with `scanner_unavailable`. */
  finish(source: ContentSource): Promise<string>;
}

export interface ContentCheckOptions {
  readonly claim: Claim;
  readonly policy: TypePolicy;
  readonly scanner: Scanner | null;
  /** Keeps those waiting that are too many at once. */
  readonly inspections: BulkheadPolicy;
}

interface Verdict {
  readonly found: Found;
  readonly mediaType: string;
}

export const startContentCheck = ({
  claim,
  policy,
  scanner,
  inspections,
}: ContentCheckOptions): ContentCheck => {
  const { headBytes } = contentLimits;
  let head: Buffer = Buffer.alloc(0);
  let seenBytes = 0;
  let verdict: Verdict | null = null;

  const decide = async (beginning: Buffer): Promise<Verdict> => {
    const found = await findKind(beginning);
    return { found, mediaType: judge(found, claim, policy) };
  };
  const begin = async (beginning: Buffer, position: number): Promise<void> => {
    // A copy unless it is the whole: a piece of it would keep all of its buffer alive.
    head = Buffer.from(beginning);
    seenBytes = position;
    verdict = head.length < headBytes ? null : await decide(head);
  };

  return {
    get mediaType() {
      return verdict?.mediaType ?? claim.mediaType;
    },
    get mayLeave() {
      return verdict !== null && scanner === null && !isInspectedWhole(verdict.found);
    },
    take: async (chunk, position, readHead) => {
      if (position !== seenBytes) await begin(await readHead(Math.min(headBytes, position)), position);
      if (verdict === null) {
        const rest = chunk.subarray(0, headBytes - head.length);
        // A piece of a large buffer, and not a copy of it, unless it has to be kept.
        if (head.length + rest.length >= headBytes) {
          verdict = await decide(head.length === 0 ? rest : Buffer.concat([head, rest]));
          head = Buffer.alloc(0);
        } else head = Buffer.concat([head, rest]);
      }
      if (verdict?.found.as === 'text' && hasNul(chunk, position, verdict.found.encoding)) {
        throw unsafe('The file begins as text and goes on as binary.');
      }
      seenBytes = position + chunk.length;
    },
    finish: async (source) => {
      if (verdict === null || seenBytes !== source.sizeBytes) {
        const isSeen = seenBytes === source.sizeBytes && head.length === seenBytes;
        verdict = await decide(isSeen ? head : await readAt(source, 0, headBytes));
      }
      const judged = { ...verdict, claim, policy };
      const inspect = async (): Promise<string> => {
        const mediaType = await inspectWhole(source, judged);
        await scanner?.scan(source);
        return mediaType;
      };
      const isLong = scanner !== null || isInspectedWhole(judged.found);
      return isLong ? inspections.execute(inspect) : inspect();
    },
  };
};
