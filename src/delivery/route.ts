import { extensionOf } from '../core/filename.ts';
import type { Destination } from '../core/incoming.ts';
import { type Provider, type ProviderId, providerIds } from '../core/provider.ts';
import type { Purpose } from '../core/purpose.ts';

export interface RoutedFile {
  readonly filename: string;
  readonly sizeBytes: number;
  readonly purpose: Purpose;
}

/** What one provider makes of a file, before anything is sent. */
export type Acceptance =
  | {
      readonly accepted: true;
      readonly provider: Provider;
      readonly purpose: string;
      readonly reason: string;
    }
  | { readonly accepted: false; readonly provider: Provider; readonly reason: string };

export interface RouteOptions {
  /** The providers that are on. */
  readonly providers: ReadonlyMap<ProviderId, Provider>;
  /** Above this, `auto` asks GLM first; below, Kimi. */
  readonly autoGlmAboveBytes: number;
  /** Providers that `auto` takes only when no other accepts, with why: those in trouble or full just now. */
  readonly avoid?: ReadonlyMap<ProviderId, string>;
}

/**
 * Decides which providers get a file. `auto` gives the first in order of preference that accepts, or every
 * refusal when none does; named providers are each asked on their own. Pure: the same file and capabilities
 * give the same route.
 */
export const route = (
  file: RoutedFile,
  destination: Destination,
  options: RouteOptions,
): readonly Acceptance[] => {
  if (destination.kind === 'named') {
    return destination.providers.flatMap((id) => {
      const provider = options.providers.get(id);
      return provider === undefined ? [] : [judge(file, provider, 'Named in the request.')];
    });
  }
  const judged = preference(file, options).flatMap(({ id, why }) => {
    const provider = options.providers.get(id);
    return provider === undefined ? [] : [judge(file, provider, why)];
  });
  const accepting = judged.filter(({ accepted }) => accepted);
  const chosen = accepting.find(({ provider }) => options.avoid?.has(provider.id) !== true) ?? accepting[0];
  if (chosen === undefined) return judged;
  const passedOver = judged
    .slice(0, judged.indexOf(chosen))
    .map(({ accepted, provider, reason }) => (accepted ? `${options.avoid?.get(provider.id)}` : reason));
  return [{ ...chosen, reason: [chosen.reason, ...passedOver].join(' ') }];
};

const preference = (
  { sizeBytes }: RoutedFile,
  { autoGlmAboveBytes }: RouteOptions,
): { id: ProviderId; why: string }[] => {
  const isLarge = sizeBytes > autoGlmAboveBytes;
  const first: ProviderId = isLarge ? 'glm' : 'kimi';
  const rule = `${isLarge ? 'Above' : 'Up to'} ${autoGlmAboveBytes} bytes auto prefers ${first}.`;
  const others = providerIds.filter((id) => id !== first);
  return [
    { id: first, why: rule },
    ...others.map((id) => ({ id, why: `Chosen by auto: ${id} accepts the file.` })),
  ];
};

const judge = (file: RoutedFile, provider: Provider, why: string): Acceptance => {
  const { id, capabilities } = provider;
  const refused = (reason: string): Acceptance => ({ accepted: false, provider, reason });
  if (file.sizeBytes > capabilities.maxFileBytes) {
    return refused(
      `${id} takes files up to ${capabilities.maxFileBytes} bytes, this one has ${file.sizeBytes}.`,
    );
  }
  const accepted = capabilities.purposes[file.purpose];
  if (accepted === undefined) return refused(`${id} has no use for purpose "${file.purpose}".`);
  const extension = extensionOf(file.filename);
  if (accepted.extensions !== null && !accepted.extensions.has(extension)) {
    const kind = extension === '' ? 'files without an extension' : `.${extension} files`;
    return refused(`${id} does not take ${kind} for purpose "${file.purpose}".`);
  }
  return { accepted: true, provider, purpose: accepted.purpose, reason: why };
};
