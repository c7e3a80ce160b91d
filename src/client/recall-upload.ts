import type { OpenedSource } from './opened-source.ts';
import type { Platform } from './platform.ts';
import type { ResumeStore } from './resume-store.ts';
import { addressOf, idIn } from './tus.ts';

/** What a store remembers of one upload. A store that fails is done without. */
export interface RecalledUpload {
  /** The id of an upload of the same bytes, under the same name, for the same providers, at the same gateway; or null. */
  find(): Promise<string | null>;
  keep(id: string): Promise<void>;
  forget(): Promise<void>;
}

interface Recalling {
  /** The gateway's address. */
  readonly base: string;
  readonly source: Pick<OpenedSource, 'identity' | 'sizeBytes'>;
  readonly metadata: Readonly<Record<string, string | undefined>>;
  readonly platform: Pick<Platform, 'createSha256'>;
}

/** Without a store, or of a source that nothing identifies, nothing is ever found. */
export const recallUpload = (
  store: ResumeStore | undefined,
  { base, source: { identity, sizeBytes }, metadata, platform }: Recalling,
): RecalledUpload => {
  if (store === undefined || identity === null) {
    return { find: async () => null, keep: async () => undefined, forget: async () => undefined };
  }
  const { filename, filetype, purpose, provider } = metadata;
  const hash = platform.createSha256();
  const facts = [base, identity, sizeBytes, filename, filetype, purpose, provider];
  hash.update(new TextEncoder().encode(JSON.stringify(facts)));
  const key = hash.hex();
  return {
    find: () =>
      store.get(key).then(
        (address) => idIn(base, address),
        () => null,
      ),
    keep: (id) => store.set(key, addressOf(base, id)).catch(() => undefined),
    forget: () => store.delete(key).catch(() => undefined),
  };
};
