import { byId } from './dom.js';

/**
 * Files by drag and drop, anywhere on the page, and by the picker. Folders dropped are left to `onFolder`.
 * @param {{ isOpen: () => boolean, onFiles: (files: File[]) => void, onFolder: (name: string) => void }} options
 */
export const listenForFiles = ({ isOpen, onFiles, onFolder }) => {
  const drop = byId('drop', HTMLElement);
  const pick = byId('pick', HTMLInputElement);
  pick.addEventListener('change', () => {
    onFiles([...(pick.files ?? [])]);
    // So that choosing the same file again is a change.
    pick.value = '';
  });
  /** @param {DragEvent} event */
  const hasFiles = (event) => event.dataTransfer?.types.includes('Files') ?? false;
  document.addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    // Without this the browser would open the file in place of the console.
    event.preventDefault();
    drop.classList.toggle('drop-over', isOpen());
  });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) drop.classList.remove('drop-over');
  });
  document.addEventListener('drop', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    drop.classList.remove('drop-over');
    if (!isOpen()) return;
    const items = [...(event.dataTransfer?.items ?? [])].filter(({ kind }) => kind === 'file');
    const folders = items.filter((item) => item.webkitGetAsEntry()?.isDirectory);
    for (const folder of folders) onFolder(folder.webkitGetAsEntry()?.name ?? '');
    onFiles(items.filter((item) => !folders.includes(item)).flatMap((item) => item.getAsFile() ?? []));
  });
};
