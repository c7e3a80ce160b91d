import { type ReactNode, useState } from 'react';
import { useLocation, useRoute } from 'wouter';
import type { FileObject } from '../../../src/client/browser.ts';
import { useGateway } from '../../app/gateway.tsx';
import { PageHeader } from '../../ui/page-header.tsx';
import { FilePicker } from '../../upload/file-picker.tsx';
import { UploadPanel, useTakeFiles } from '../../upload/upload-panel.tsx';
import { DeleteDialog } from './delete-dialog.tsx';
import { DeliverDialog } from './deliver-dialog.tsx';
import { canDownload } from './download.ts';
import type { FileActions } from './file-actions.ts';
import { FileList } from './file-list.tsx';
import { FileSheet } from './file-sheet.tsx';
import { IncomingFiles } from './incoming-files.tsx';
import { useDownload } from './use-download.ts';

type Doing =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'removing'; readonly files: readonly FileObject[] }
  | {
      readonly kind: 'delivering';
      readonly files: readonly FileObject[];
      readonly provider: string | undefined;
    };

const NOTHING: Doing = { kind: 'nothing' };

/** The user's files: sending them, finding them, and each one's details at `/files/{id}`. */
export const FilesPage = (): ReactNode => {
  const { canWrite } = useGateway().session;
  const take = useTakeFiles();
  const [, navigate] = useLocation();
  const [isOpen, params] = useRoute('/files/:id');
  const [doing, setDoing] = useState<Doing>(NOTHING);
  const download = useDownload();
  const backToList = (): void => navigate('/files');
  const actions: FileActions = {
    // Where the browser cannot, the details say what can.
    download: (file) => (canDownload(file) ? download.mutate(file) : navigate(`/files/${file.id}`)),
    deliver: (files, provider) => setDoing({ kind: 'delivering', files, provider }),
    remove: (files) => setDoing({ kind: 'removing', files }),
  };
  return (
    <>
      <PageHeader
        title="Files"
        text={
          canWrite
            ? 'What you have sent, and where it is. Drop or paste files anywhere on this page.'
            : 'What you have sent, and where it is.'
        }
        actions={canWrite && <FilePicker onFiles={take} />}
      />
      {canWrite && <UploadPanel />}
      <IncomingFiles />
      <FileList actions={actions} />
      {isOpen && <FileSheet key={params.id} id={params.id} actions={actions} onClose={backToList} />}
      {doing.kind === 'removing' && (
        <DeleteDialog
          files={doing.files}
          onBegin={() => isOpen && backToList()}
          onClose={() => setDoing(NOTHING)}
        />
      )}
      {doing.kind === 'delivering' && (
        <DeliverDialog files={doing.files} provider={doing.provider} onClose={() => setDoing(NOTHING)} />
      )}
    </>
  );
};
