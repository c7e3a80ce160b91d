import { createContext, type ReactNode, use, useEffect, useState, useSyncExternalStore } from 'react';
import { gatewayUrl, useGateway } from '../app/gateway.tsx';
import type { Uploads } from './create-uploads.ts';
import type { UploadItem } from './upload-item.ts';

const UploadsContext = createContext<Uploads | null>(null);

/** One for each user of this page, so that signing in again goes on where the last session ended. */
const opened = new Map<string, Promise<Uploads>>();

/** The uploads of a user, loaded when they are first asked for. */
export const uploadsOf = (owner: string): Promise<Uploads> => {
  const found = opened.get(owner);
  if (found !== undefined) return found;
  // Loaded once somebody has signed in, and not with the first page.
  const opening = import('./create-uploads.ts').then(({ createUploads }) =>
    createUploads(owner, `${gatewayUrl()}/v1/tus`),
  );
  opened.set(owner, opening);
  opening.catch(() => opened.delete(owner));
  return opening;
};

/** Keeps sending files while the pages below come and go. */
export const UploadsProvider = ({ children }: { children: ReactNode }): ReactNode => {
  const { session, signOut } = useGateway();
  const [uploads, setUploads] = useState<Uploads | null>(null);
  useEffect(() => {
    let leave: (() => void) | null = null;
    let isOver = false;
    void uploadsOf(session.owner).then((found) => {
      if (isOver) return;
      found.enter({ freshToken: session.freshToken, onRefused: signOut });
      leave = found.leave;
      setUploads(found);
    });
    return () => {
      isOver = true;
      leave?.();
      setUploads(null);
    };
  }, [session, signOut]);
  return <UploadsContext value={uploads}>{children}</UploadsContext>;
};

/** Null for a moment after signing in. */
export const useUploads = (): Uploads | null => use(UploadsContext);

const NONE: readonly UploadItem[] = [];
const nothing = (): (() => void) => () => undefined;

/** The files that are being sent, as they are now. */
export const useUploadItems = (): readonly UploadItem[] => {
  const uploads = useUploads();
  return useSyncExternalStore(uploads?.subscribe ?? nothing, uploads?.items ?? (() => NONE));
};
