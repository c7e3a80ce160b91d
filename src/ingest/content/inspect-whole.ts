import { refuseInstaller } from './compound.ts';
import { inspectGzip } from './gzip.ts';
import { type Claim, settleZip } from './judge.ts';
import type { Found } from './magic.ts';
import { refusePixelFlood } from './pixels.ts';
import type { TypePolicy } from './policy.ts';
import { refuseAppendedZip } from './polyglot.ts';
import type { ContentSource } from './source.ts';
import { inspectTar } from './tar.ts';
import { startUnpacking } from './unpacking.ts';
import { inspectZip } from './zip.ts';

/** Whether a file can be judged only when all of it is there: what unpacks to something. */
export const isInspectedWhole = (found: Found): boolean =>
  found.as === 'kind' && ['zip', 'gzip', 'tar', 'compound'].includes(found.kind.family);

interface Judged {
  readonly found: Found;
  readonly mediaType: string;
  readonly claim: Claim;
  readonly policy: TypePolicy;
}

/**
 * Looks at what only the whole file shows, and tells the media type to record. Text needs no more than its beginning and the
 * watch over what followed. Rejects with `unsafe_content`, `type_mismatch` or `type_not_allowed`.
 */
export const inspectWhole = async (
  source: ContentSource,
  { found, mediaType, claim, policy }: Judged,
): Promise<string> => {
  if (found.as !== 'kind') return mediaType;
  const { sizeBytes } = source;
  switch (found.kind.family) {
    case 'zip':
      return settleZip(await inspectZip(source, startUnpacking(sizeBytes)), claim, policy);
    case 'gzip':
      await inspectGzip(source, startUnpacking(sizeBytes));
      return mediaType;
    case 'tar':
      await inspectTar(source.read({ start: 0, end: sizeBytes }), startUnpacking(sizeBytes));
      return mediaType;
    case 'compound':
      await refuseInstaller(source);
      return mediaType;
    case 'single':
      await refusePixelFlood(source, found.kind.mediaType);
      await refuseAppendedZip(source);
      return mediaType;
    default:
      return mediaType;
  }
};
