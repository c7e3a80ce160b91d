import { useQuery } from '@tanstack/react-query';
import { Download, Send, Trash2 } from 'lucide-react';
import type { ReactNode } from 'react';
import { useGateway } from '../../app/gateway.tsx';
import { keys } from '../../app/keys.ts';
import { cleanName } from '../../format/clean-name.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Loading } from '../../ui/loading.tsx';
import { Problem } from '../../ui/problem.tsx';
import { DeliveryCard } from './delivery-card.tsx';
import type { FileActions } from './file-actions.ts';
import { FileFacts } from './file-facts.tsx';
import styles from './file-sheet.module.css';
import { LargeDownload } from './large-download.tsx';
import { Preview } from './preview.tsx';

export interface FileSheetProps {
  readonly id: string;
  readonly actions: FileActions;
  readonly onClose: () => void;
}

/** All that is known of one file, and all that can be done with it. */
export const FileSheet = ({ id, actions, onClose }: FileSheetProps): ReactNode => {
  const { waybill, session } = useGateway();
  const query = useQuery({ queryKey: keys.file(id), queryFn: () => waybill.files.retrieve(id) });
  const file = query.data;
  return (
    <Dialog
      place="side"
      title={file === undefined ? 'File' : cleanName(file.filename)}
      onClose={onClose}
      actions={
        file && (
          <>
            {session.canWrite && (
              <>
                <Button kind="danger" icon={Trash2} onClick={() => actions.remove([file])}>
                  Delete
                </Button>
                <Button icon={Send} onClick={() => actions.deliver([file])}>
                  Deliver
                </Button>
              </>
            )}
            <Button kind="primary" icon={Download} onClick={() => actions.download(file)}>
              Download
            </Button>
          </>
        )
      }
    >
      {query.isPending && <Loading label="Loading the file" lines={6} />}
      {query.isError && <Problem error={query.error} onRetry={() => void query.refetch()} />}
      {file && (
        <>
          <LargeDownload file={file} />
          <section className={styles.part} aria-label="Deliveries">
            <h3>Deliveries</h3>
            {file.deliveries.length === 0 && (
              <p className={styles.quiet}>
                No provider has it. It is kept here, and can be delivered at any time.
              </p>
            )}
            {file.deliveries.map((delivery) => (
              <DeliveryCard
                key={delivery.provider}
                file={file}
                delivery={delivery}
                onAgain={session.canWrite ? () => actions.deliver([file], delivery.provider) : null}
              />
            ))}
          </section>
          <Preview file={file} />
          <section className={styles.part} aria-label="Facts">
            <h3>Facts</h3>
            <FileFacts file={file} />
          </section>
        </>
      )}
    </Dialog>
  );
};
