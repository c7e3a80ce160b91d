import { GatewayError } from '../core/errors.ts';
import type { ProviderContent, ProviderId } from '../core/provider.ts';
import { findFile } from '../tracking/files.ts';
import type { Dependencies } from './dependencies.ts';

export interface ReadContent {
  readonly owner: string;
  readonly fileId: string;
  readonly from: ProviderId;
  readonly signal?: AbortSignal | undefined;
}

/** What a provider returns for its copy of a file, streamed. The caller reads the body to its end or ends it. */
export const readProviderContent = async (
  { database, providers }: Dependencies,
  { owner, fileId, from, signal }: ReadContent,
): Promise<ProviderContent> => {
  const found = await findFile(database, owner, fileId);
  if (found === null) throw new GatewayError('not_found', `There is no file ${fileId}.`, { param: 'id' });
  const copy = found.deliveries.find(({ provider, status }) => provider === from && status === 'completed');
  const provider = providers.get(from);
  if (copy?.remoteId == null || provider?.account !== copy.account) {
    const message = `${from} does not hold this file; deliver it with POST /v1/files/${fileId}/deliveries.`;
    throw new GatewayError('content_unavailable', message, { param: 'from' });
  }
  return provider.content(copy.remoteId, { signal });
};
