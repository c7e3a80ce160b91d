import { CircleAlert, CircleCheck, Clock, Trash2 } from 'lucide-react';
import type { ReactNode } from 'react';
import type { FileObject } from '../../../src/client/browser.ts';
import { cleanName } from '../../format/clean-name.ts';
import { providerName } from '../../format/providers.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { FileName } from '../../ui/file-name.tsx';
import styles from './delete-dialog.module.css';
import { type Removal, useRemoval } from './use-removal.ts';

export interface DeleteDialogProps {
  readonly files: readonly FileObject[];
  /** The files are gone from the list from now on. */
  readonly onBegin: () => void;
  readonly onClose: () => void;
}

/** Asks, deletes, and shows who has confirmed it. */
export const DeleteDialog = ({ files, onBegin, onClose }: DeleteDialogProps): ReactNode => {
  const { removals, hasBegun, isOver, begin } = useRemoval(files);
  const [first] = files;
  const title =
    files.length === 1 && first !== undefined
      ? `Delete ${cleanName(first.filename)}?`
      : `Delete ${files.length} files?`;
  return (
    <Dialog
      title={hasBegun ? 'Deleting' : title}
      onClose={onClose}
      actions={
        hasBegun ? (
          <Button kind={isOver ? 'primary' : 'plain'} onClick={onClose}>
            {isOver ? 'Done' : 'Go on in the background'}
          </Button>
        ) : (
          <>
            <Button onClick={onClose}>Keep</Button>
            <Button
              kind="danger"
              onClick={() => {
                onBegin();
                begin();
              }}
            >
              Delete for good
            </Button>
          </>
        )
      }
    >
      {!hasBegun && <p>This cannot be undone. What goes:</p>}
      <ul className={styles.files} aria-live="polite">
        {files.map((file) => (
          <li key={file.id} className={styles.file}>
            <FileName name={file.filename} />
            <Places file={file} removal={removals.get(file.id)} />
          </li>
        ))}
      </ul>
      {[...removals.values()].some(({ kind }) => kind === 'under_way') && (
        <p className={styles.more}>
          A provider that has not confirmed does not answer, or is slow. Its removal is tried until it does,
          also when you close this.
        </p>
      )}
    </Dialog>
  );
};

const GONE = new Set(['deleted', 'failed', 'evicted']);

/** Where copies are, and what became of them. */
const Places = ({ file, removal }: { file: FileObject; removal: Removal | undefined }): ReactNode => {
  const providers = file.deliveries
    .filter(({ status, provider_file_id: remoteId }) => remoteId !== null && !GONE.has(status))
    .map(({ provider }) => providerName(provider));
  if (removal?.kind === 'failed') {
    return <Place tone="bad" place="Not deleted" text={removal.message} />;
  }
  const isGone = removal?.kind === 'confirmed' || removal?.kind === 'under_way';
  return (
    <ul className={styles.places}>
      <li>
        <Place
          tone={isGone ? 'good' : removal === undefined ? 'still' : 'waiting'}
          place="Waybill"
          text={isGone ? 'Removed' : removal === undefined ? 'the original bytes and the record' : 'Removing'}
        />
      </li>
      {providers.map((provider) => (
        <li key={provider}>
          <Place
            tone={removal === undefined ? 'still' : removal.kind === 'confirmed' ? 'good' : 'waiting'}
            place={provider}
            text={textOf(removal)}
          />
        </li>
      ))}
    </ul>
  );
};

const textOf = (removal: Removal | undefined): string => {
  if (removal === undefined) return 'its copy';
  if (removal.kind === 'confirmed') return 'Confirmed: its copy is gone';
  return removal.kind === 'under_way' ? 'Not confirmed yet' : 'Waiting for its confirmation';
};

const ICONS = { good: CircleCheck, bad: CircleAlert, waiting: Clock, still: Trash2 };

const Place = ({
  tone,
  place,
  text,
}: {
  tone: keyof typeof ICONS;
  place: string;
  text: string;
}): ReactNode => {
  const Icon = ICONS[tone];
  return (
    <p className={styles.place} data-tone={tone}>
      <Icon size={15} aria-hidden="true" />
      <strong>{place}</strong> <span>{text}</span>
    </p>
  );
};
