import { Upload } from 'lucide-react';
import type { ReactNode } from 'react';
import { useGateway } from '../app/gateway.tsx';
import { cleanName } from '../format/clean-name.ts';
import { useToast } from '../ui/toasts.tsx';
import { ChosenFiles } from './chosen-files.tsx';
import styles from './upload-panel.module.css';
import { UploadQueue } from './upload-queue.tsx';
import { uploadsOf, useUploadItems, useUploads } from './uploads-provider.tsx';
import { useDrop } from './use-drop.ts';

/** Takes files, as the page's buttons, its surface and the clipboard give them. */
export const useTakeFiles = (): ((files: readonly File[]) => void) => {
  const { owner } = useGateway().session;
  const tell = useToast();
  return (files) => {
    const add = async (): Promise<void> => {
      // What is chosen at once after signing in waits until it can be sent.
      const refused = await (await uploadsOf(owner)).add(files);
      if (refused.length === 0) return;
      const [first] = refused;
      tell(
        'still',
        refused.length === 1
          ? `${cleanName(first ?? '')} is in the list already.`
          : `${refused.length} files are in the list already.`,
      );
    };
    add().catch(() => tell('bad', 'Uploading could not be loaded. Load the page again.'));
  };
};

/** All that is being uploaded from this tab. Takes what is dropped anywhere on the page or pasted. */
export const UploadPanel = (): ReactNode => {
  const uploads = useUploads();
  const items = useUploadItems();
  const isOver = useDrop(useTakeFiles());
  const chosen = items.filter(({ state }) => state === 'chosen');
  const sent = items.filter(({ state }) => state !== 'chosen');
  return (
    <>
      {uploads !== null && chosen.length > 0 && <ChosenFiles items={chosen} uploads={uploads} />}
      {uploads !== null && sent.length > 0 && <UploadQueue items={sent} uploads={uploads} />}
      {isOver && (
        <div className={styles.over} aria-hidden="true">
          <p className={styles.overText}>
            <Upload size={22} /> Drop files or folders to upload them
          </p>
        </div>
      )}
    </>
  );
};
