import type { QueryClient } from '@tanstack/react-query';
import type { FileObject, Waybill } from '../../src/client/browser.ts';
import { keys } from './keys.ts';

/** Between two looks at lists while much is happening. */
const REFRESH_MS = 1_000;

/**
 * Brings what happens at the gateway into what is shown, until the signal aborts: a file at once, lists and figures
 * soon after.
 */
export const followFiles = async (
  waybill: Waybill,
  queries: QueryClient,
  { signal, onChange }: { signal: AbortSignal; onChange: (liveness: 'live' | 'away') => void },
): Promise<void> => {
  let timer: number | undefined;
  const refreshSoon = (): void => {
    timer ??= window.setTimeout(() => {
      timer = undefined;
      for (const key of [keys.lists, keys.quota, keys.providers]) {
        void queries.invalidateQueries({ queryKey: key });
      }
    }, REFRESH_MS);
  };
  signal.addEventListener('abort', () => window.clearTimeout(timer));
  let wasAway = false;
  const onConnection = (isConnected: boolean): void => {
    if (signal.aborted) return;
    onChange(isConnected ? 'live' : 'away');
    // Figures are not among the events, and what failed meanwhile is asked again.
    if (isConnected && wasAway) void queries.invalidateQueries();
    wasAway = !isConnected;
  };
  try {
    for await (const event of waybill.events({ signal, onConnection })) {
      if (event.type === 'file.updated') {
        queries.setQueryData<FileObject>(keys.file(event.data.id), event.data);
        // It has arrived.
        queries.removeQueries({ queryKey: keys.incoming(event.data.id), type: 'inactive' });
        refreshSoon();
      } else if (event.type === 'file.progress') {
        queries.setQueryData(keys.incoming(event.data.id), event.data);
      } else {
        queries.removeQueries({ queryKey: keys.incoming(event.data.id) });
        if (event.type === 'file.deleted') queries.removeQueries({ queryKey: keys.file(event.data.id) });
        refreshSoon();
      }
    }
  } catch {
    // Refused, as every other call is then, and those say why.
  }
};
