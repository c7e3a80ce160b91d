import { GatewayError } from '../core/errors.ts';
import type { ProviderContent } from '../core/provider.ts';
import type { Dependencies } from './dependencies.ts';
import { type CopyRequest, deliverAgain, usableCopy } from './usable-copy.ts';

/**
 * What a provider returns for its copy of a file, streamed. A copy that the provider has lost is delivered again once. The
 * caller reads the body to its end or ends it.
 */
export const readProviderContent = async (
  dependencies: Dependencies,
  request: CopyRequest,
): Promise<ProviderContent> => {
  const { provider, copy, remoteId } = await usableCopy(dependencies, request);
  const { signal } = request;
  try {
    return await provider.content(remoteId, { signal });
  } catch (error) {
    if (!(error instanceof GatewayError && error.code === 'not_found')) throw error;
    await deliverAgain(dependencies, request, copy);
    const again = await usableCopy(dependencies, request);
    return again.provider.content(again.remoteId, { signal });
  }
};
