import type { Delivery } from '../core/file.ts';
import type { Provider, RemoteFile } from '../core/provider.ts';
import { bearsMark } from './sent-name.ts';

/**
 * Every file at the provider that a delivery's attempts made, by the mark in its name. Rejects when the list cannot be
 * read to its end: a partial list proves nothing. What the list does not show yet is not found; the caller looks twice.
 */
export const findCopies = async (
  provider: Provider,
  { id }: Pick<Delivery, 'id'>,
  signal: AbortSignal,
): Promise<readonly RemoteFile[]> => {
  const copies = new Map<string, RemoteFile>();
  for await (const remote of provider.list({ signal })) {
    if (bearsMark(remote.filename, id)) copies.set(remote.id, remote);
  }
  return [...copies.values()];
};
