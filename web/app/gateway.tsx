import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createContext, type ReactNode, use, useEffect, useMemo, useState } from 'react';
import { ClientError, Waybill } from '../../src/client/browser.ts';
import { followFiles } from './follow-files.ts';
import type { Session } from './session.ts';

interface Connection {
  readonly waybill: Waybill;
  readonly session: Session;
  /** Ends the session in this tab, with why where the gateway ended it. */
  readonly signOut: (why?: string) => void;
}

const ConnectionContext = createContext<Connection | null>(null);

/** Whether what happens at the gateway comes in at once. */
export type Liveness = 'connecting' | 'live' | 'away';

const LivenessContext = createContext<Liveness>('connecting');

export interface GatewayProps {
  readonly session: Session;
  readonly signOut: (why?: string) => void;
  readonly children: ReactNode;
}

/** The gateway's API for everything below, with what it has answered, and kept current by its events. */
export const Gateway = ({ session, signOut, children }: GatewayProps): ReactNode => {
  const connection = useMemo((): Connection => {
    const waybill = new Waybill({ url: gatewayUrl(), token: session.freshToken, patienceMs: 5_000 });
    return { waybill, session, signOut };
  }, [session, signOut]);
  const queries = useMemo(() => createQueries(signOut), [signOut]);
  const [liveness, setLiveness] = useState<Liveness>('connecting');
  useEffect(() => {
    const leaving = new AbortController();
    void followFiles(connection.waybill, queries, { signal: leaving.signal, onChange: setLiveness });
    return () => leaving.abort();
  }, [connection, queries]);
  return (
    <ConnectionContext value={connection}>
      <LivenessContext value={liveness}>
        <QueryClientProvider client={queries}>{children}</QueryClientProvider>
      </LivenessContext>
    </ConnectionContext>
  );
};

/** Throws outside `Gateway`. */
export const useGateway = (): Connection => {
  const connection = use(ConnectionContext);
  if (connection === null) throw new Error('Nobody has signed in.');
  return connection;
};

/** Whether the page is kept current. */
export const useLiveness = (): Liveness => use(LivenessContext);

/** Relative to the page, so that the console also works behind a proxy under a path of its own. */
export const gatewayUrl = (): string => new URL('.', document.baseURI).href.replace(/\/$/u, '');

const createQueries = (signOut: (why: string) => void): QueryClient => {
  const queries = new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 2_000,
        retry: (failures, error) => failures < 2 && isPassing(error),
      },
    },
  });
  const endIfRefused = (error: unknown): void => {
    if (error instanceof ClientError && error.httpStatus === 401) signOut(error.message);
  };
  queries.getQueryCache().subscribe(({ type, query }) => {
    if (type === 'updated') endIfRefused(query.state.error);
  });
  queries.getMutationCache().subscribe(({ mutation }) => endIfRefused(mutation?.state.error));
  return queries;
};

/** Whether it may be over in a moment without anybody doing anything. */
const isPassing = (error: unknown): boolean =>
  error instanceof ClientError && (error.httpStatus === null || error.httpStatus >= 500);
