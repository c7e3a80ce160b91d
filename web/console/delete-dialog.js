import { explain } from './api.js';
import { byId, part, setText, showText, toast } from './dom.js';
import { focusFiles } from './files.js';
import { listNames, providerName } from './format.js';

/** @typedef {import('./api.js').Api} Api */
/** @typedef {import('./api.js').FileObject} FileObject */

/**
 * Asks before a file is deleted, and stays until it can say whether every provider has confirmed the removal.
 * @param {{ api: Api, file: FileObject, onDeleted: () => void }} options
 */
export const askToDelete = ({ api, file, onDeleted }) => {
  const dialog = byId('delete-dialog', HTMLDialogElement);
  const close = part(dialog, 'close', HTMLButtonElement);
  const confirm = part(dialog, 'confirm', HTMLButtonElement);
  const names = holders(file);
  const where = names.length === 0 ? '' : ` and at ${listNames(names)}`;
  setText(dialog, 'name', file.filename);
  setText(dialog, 'text', `It is removed here${where}. This cannot be undone.`);
  byId('delete-title', HTMLElement).textContent = 'Delete this file?';
  showText(part(dialog, 'problem', HTMLElement), null);
  close.textContent = 'Keep it';
  confirm.hidden = false;
  confirm.disabled = false;

  /** @param {string} title @param {string} text */
  const conclude = (title, text) => {
    if (!dialog.open) return toast(`${file.filename}: ${text}`);
    byId('delete-title', HTMLElement).textContent = title;
    setText(dialog, 'text', text);
    close.textContent = 'Close';
    close.focus();
  };

  confirm.onclick = async () => {
    confirm.disabled = true;
    setText(
      dialog,
      'text',
      names.length === 0 ? 'Deleting…' : `Deleting; waiting until ${listNames(names)} confirm…`,
    );
    close.textContent = 'Go on in the background';
    try {
      const isRemoved = await api.remove(file.id);
      confirm.hidden = true;
      conclude('Deleted', isRemoved ? proof(names) : unproven(names));
      onDeleted();
    } catch (error) {
      confirm.disabled = false;
      close.textContent = 'Close';
      setText(dialog, 'text', 'The file was not deleted, or the answer was lost.');
      showText(part(dialog, 'problem', HTMLElement), explain(error));
      if (!dialog.open) toast(`${file.filename} was not deleted. ${explain(error)}`);
    }
  };
  dialog.onclose = () => {
    // The browser gives the focus back to the button that opened the dialog, which may be gone with its row.
    const { activeElement } = document;
    if (activeElement === document.body || dialog.contains(activeElement)) focusFiles();
  };
  dialog.showModal();
};

/** The providers that may hold a copy. @param {FileObject} file */
const holders = ({ deliveries }) => {
  const copies = deliveries.filter(
    ({ status, provider_file_id: id }) => status !== 'deleted' && (id !== null || status !== 'failed'),
  );
  return [...new Set(copies.map(({ provider }) => providerName(provider)))];
};

/** @param {readonly string[]} names */
const proof = (names) =>
  names.length === 0
    ? 'It is gone. No provider had a copy.'
    : `It is gone. ${listNames(names)} confirmed the removal of ${names.length === 1 ? 'its copy' : 'their copies'}.`;

/** @param {readonly string[]} names */
const unproven = (names) =>
  `It is gone here. ${names.length === 0 ? 'The removal' : `The removal at ${listNames(names)}`} is not confirmed yet; Waybill goes on trying until it is.`;
