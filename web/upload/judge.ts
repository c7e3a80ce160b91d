import type { ProviderObject } from '../../src/client/browser.ts';
import { providerName } from '../format/providers.ts';
import { formatBytes } from '../format/quantities.ts';

/** Where files are to go: the gateway chooses, these providers, or nowhere. */
export type Destination =
  | { readonly kind: 'auto' }
  | { readonly kind: 'named'; readonly providers: readonly string[] }
  | { readonly kind: 'none' };

/** What is chosen once for all files that are sent together. */
export interface Plan {
  readonly destination: Destination;
  readonly purpose: string;
}

/** What the console knows of the gateway's limits. It explains them; the gateway decides. */
export interface Limits {
  readonly providers: readonly ProviderObject[];
  /** Null while that is not known. */
  readonly maxFileBytes: number | null;
}

export interface JudgedFile {
  readonly name: string;
  readonly sizeBytes: number;
}

/** What is to be expected of a file. `help` says what would change it. */
export type Judgement =
  | { readonly kind: 'fine' }
  | { readonly kind: 'partly'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string; readonly help: string };

/** As the gateway reads it in the metadata of an upload. */
export const destinationText = (destination: Destination): string =>
  destination.kind === 'named' ? destination.providers.join(',') : destination.kind;

/** The lower-case extension without the dot, or an empty string. */
const extensionOf = (name: string): string => {
  const dot = name.lastIndexOf('.');
  return dot <= 0 ? '' : name.slice(dot + 1).toLowerCase();
};

/** Why a provider does not take a file for a purpose; null when it does. The same rules as the gateway's. */
export const refusalBy = (provider: ProviderObject, file: JudgedFile, purpose: string): string | null => {
  const name = providerName(provider.id);
  const { max_file_bytes: limit } = provider.limits;
  if (file.sizeBytes > limit) return `${name} takes files up to ${formatBytes(limit)}`;
  const accepted = provider.purposes[purpose];
  if (accepted === undefined) return `${name} has no use for this purpose`;
  const extension = extensionOf(file.name);
  if (accepted.extensions === null || accepted.extensions.includes(extension)) return null;
  return extension === ''
    ? `${name} takes no files without an extension for this purpose`
    : `${name} does not take .${extension} files for this purpose`;
};

/** What the gateway will most likely do with a file. */
export const judge = (
  file: JudgedFile,
  { destination, purpose }: Plan,
  { providers, maxFileBytes }: Limits,
): Judgement => {
  if (file.sizeBytes === 0) {
    return {
      kind: 'refused',
      reason: 'The file has no bytes.',
      help: 'Take it out; there is nothing to send.',
    };
  }
  if (maxFileBytes !== null && file.sizeBytes > maxFileBytes) {
    const reason = `The gateway takes files up to ${formatBytes(maxFileBytes)}.`;
    return { kind: 'refused', reason, help: 'Split it, or ask the operator to raise MAX_FILE_BYTES.' };
  }
  if (destination.kind === 'none') return { kind: 'fine' };
  const asked =
    destination.kind === 'auto'
      ? providers
      : providers.filter(({ id }) => destination.providers.includes(id));
  const refusals = asked.flatMap((provider) => refusalBy(provider, file, purpose) ?? []);
  if (asked.length > refusals.length) {
    const isPartly = destination.kind === 'named' && refusals.length > 0;
    return isPartly ? { kind: 'partly', reason: `${refusals.join('. ')}.` } : { kind: 'fine' };
  }
  if (asked.length === 0) {
    return {
      kind: 'refused',
      reason: 'No provider is chosen.',
      help: 'Choose one, or keep the files here only.',
    };
  }
  return { kind: 'refused', reason: `${refusals.join('. ')}.`, help: helpFor(file, purpose, providers) };
};

const helpFor = (file: JudgedFile, purpose: string, providers: readonly ProviderObject[]): string => {
  const willing = providers.filter((provider) => refusalBy(provider, file, purpose) === null);
  if (willing.length > 0) {
    return `${willing.map(({ id }) => providerName(id)).join(' or ')} would take it.`;
  }
  const isForAnother = providers.some(({ purposes, ...provider }) =>
    Object.keys(purposes).some((other) => refusalBy({ ...provider, purposes }, file, other) === null),
  );
  return isForAnother
    ? 'Another purpose may fit, or keep it here only.'
    : 'Keep it here only, without delivering it.';
};
