import { GatewayError } from '../core/errors.ts';
import type { Destination } from '../core/incoming.ts';
import { type Acceptance, type RoutedFile, route } from '../delivery/route.ts';
import type { Dependencies } from './dependencies.ts';

/** Which providers get a file. Rejects with `no_provider_accepts` when some were asked for and none takes it. */
export const chooseRoute = async (
  { providers, autoGlmAboveBytes, guards, room }: Dependencies,
  { destination, ...file }: RoutedFile & { readonly destination: Destination },
): Promise<readonly Acceptance[]> => {
  const full = destination.kind === 'auto' ? await room.full(file.sizeBytes) : [];
  const avoid = new Map([...full, ...guards.inTrouble(providers.values())]);
  const routed = route(file, destination, { providers, autoGlmAboveBytes, avoid });
  if (routed.length > 0 && routed.every(({ accepted }) => !accepted)) {
    const reasons = routed.map(({ reason }) => reason).join(' ');
    throw new GatewayError(
      'no_provider_accepts',
      `No provider accepts this file. ${reasons} Use provider=none to keep it without delivering it.`,
      { param: 'provider' },
    );
  }
  return routed;
};
