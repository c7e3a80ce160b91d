import { getDroppedFiles } from '@uppy/core/utils';
import { useEffect, useEffectEvent, useState } from 'react';

/** Takes files that are dropped anywhere on the page or pasted, while it is shown. Answers whether some hover over it. */
export const useDrop = (onFiles: (files: readonly File[]) => void): boolean => {
  const [isOver, setIsOver] = useState(false);
  const take = useEffectEvent(onFiles);
  useEffect(() => {
    const leaving = new AbortController();
    const { signal } = leaving;
    const listen = <Type extends 'dragenter' | 'dragover' | 'dragleave' | 'drop'>(
      type: Type,
      listener: (event: DragEvent) => void,
    ): void => {
      const forFiles = (event: DragEvent): void => {
        if (event.dataTransfer?.types.includes('Files') !== true) return;
        event.preventDefault();
        listener(event);
      };
      document.addEventListener(type, forFiles, { signal });
    };
    listen('dragenter', () => setIsOver(true));
    listen('dragover', () => setIsOver(true));
    listen('dragleave', ({ relatedTarget }) => {
      if (relatedTarget === null) setIsOver(false);
    });
    listen('drop', ({ dataTransfer }) => {
      setIsOver(false);
      if (dataTransfer !== null) void getDroppedFiles(dataTransfer).then((files) => take(files));
    });
    const onPaste = ({ clipboardData }: ClipboardEvent): void => {
      const files = [...(clipboardData?.files ?? [])];
      if (files.length > 0) take(files);
    };
    document.addEventListener('paste', onPaste, { signal });
    return () => leaving.abort();
  }, []);
  return isOver;
};
