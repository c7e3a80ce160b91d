import { FolderUp, Upload } from 'lucide-react';
import { type ReactNode, useEffect, useRef } from 'react';
import { Button } from '../ui/button.tsx';

/** The buttons that open the browser's own dialogs for files and for folders. */
export const FilePicker = ({ onFiles }: { onFiles: (files: readonly File[]) => void }): ReactNode => {
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  useEffect(() => {
    // React knows no such attribute.
    folder.current?.setAttribute('webkitdirectory', '');
  }, []);
  const take = (input: HTMLInputElement): void => {
    const chosen = [...(input.files ?? [])];
    // Or the same file could not be chosen twice in a row.
    input.value = '';
    if (chosen.length > 0) onFiles(chosen);
  };
  return (
    <>
      <input ref={files} type="file" multiple hidden onChange={({ currentTarget }) => take(currentTarget)} />
      <input ref={folder} type="file" multiple hidden onChange={({ currentTarget }) => take(currentTarget)} />
      <Button icon={FolderUp} onClick={() => folder.current?.click()}>
        Upload a folder
      </Button>
      <Button kind="primary" icon={Upload} onClick={() => files.current?.click()}>
        Upload files
      </Button>
    </>
  );
};
