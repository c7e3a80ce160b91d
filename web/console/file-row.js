import { clone, copyText, part, setText } from './dom.js';
import { deliveryDetails, fileDetails } from './file-details.js';
import { deliveryLabel, deliveryTone, fileState, formatBytes, formatTime, providerName } from './format.js';

/** @typedef {import('./api.js').Delivery} Delivery */
/** @typedef {import('./api.js').FileObject} FileObject */
/**
 * @typedef {object} FileActions
 * @property {(file: FileObject) => Promise<void>} download
 * @property {(file: FileObject, provider?: string) => void} deliver
 * @property {(file: FileObject) => void} remove
 */

/**
 * A file of the list. `update` shows a newer state of it and keeps what is open and what has the focus.
 * @param {FileActions} actions
 */
export const createFileRow = (actions) => {
  const element = clone('file-template');
  const details = part(element, 'details', HTMLElement);
  const expand = part(element, 'expand', HTMLButtonElement);
  /** @type {FileObject | undefined} */
  let shown;

  /** @param {string} name @param {(file: FileObject) => unknown} act */
  const onClick = (name, act) =>
    part(element, name, HTMLButtonElement).addEventListener('click', () => shown && act(shown));
  onClick('deliver', (file) => actions.deliver(file));
  onClick('delete', (file) => actions.remove(file));
  onClick('download', async (file) => {
    const button = part(element, 'download', HTMLButtonElement);
    button.disabled = true;
    await actions.download(file).finally(() => {
      button.disabled = false;
    });
  });
  expand.addEventListener('click', () => {
    details.hidden = !details.hidden;
    expand.setAttribute('aria-expanded', String(!details.hidden));
  });

  /** @param {FileObject} file */
  const update = (file) => {
    if (JSON.stringify(file) === JSON.stringify(shown)) return;
    if (shown === undefined) nameControls(element, file);
    shown = file;
    const { label, tone } = fileState(file);
    setText(element, 'status', label);
    part(element, 'status', HTMLElement).dataset.tone = tone;
    keepingFocus(element, () => {
      part(element, 'chips', HTMLElement).replaceChildren(...file.deliveries.map(createChip));
      details.replaceChildren(
        ...file.deliveries.map((delivery) =>
          deliveryDetails(delivery, () => actions.deliver(file, delivery.provider)),
        ),
        fileDetails(file),
      );
    });
  };
  return { element, update };
};

/** What never changes of a file. @param {HTMLElement} element @param {FileObject} file */
const nameControls = (element, file) => {
  const { filename } = file;
  const [, extension] = /\.([a-z0-9]{1,4})$/iu.exec(filename) ?? [];
  setText(element, 'kind', extension?.toLowerCase() ?? '·');
  setText(element, 'name', filename);
  setText(element, 'size', formatBytes(file.bytes));
  setText(element, 'type', file.media_type);
  setText(element, 'when', formatTime(file.created_at));
  part(element, 'when', HTMLTimeElement).dateTime = new Date(file.created_at * 1_000).toISOString();
  const labels = { download: 'Download', deliver: 'Deliver', delete: 'Delete', expand: 'Details of' };
  for (const [name, verb] of Object.entries(labels)) {
    const button = part(element, name, HTMLButtonElement);
    button.setAttribute('aria-label', `${verb} ${filename}`);
    button.title = verb === 'Details of' ? 'Details' : verb;
  }
};

/** @param {Delivery} delivery */
const createChip = (delivery) => {
  const chip = clone('chip-template');
  const { provider, provider_file_id: id } = delivery;
  const name = providerName(provider);
  chip.dataset.tone = deliveryTone(delivery);
  setText(chip, 'provider', name);
  setText(chip, 'state', deliveryLabel(delivery));
  const copy = part(chip, 'copy', HTMLButtonElement);
  copy.hidden = id === null;
  if (id === null) return chip;
  copy.dataset.focus = `copy ${provider} ${delivery.purpose}`;
  copy.title = `Copy ${id}`;
  copy.setAttribute('aria-label', `Copy the id at ${name}, ${id}`);
  copy.addEventListener('click', () => void copyText(id));
  setText(chip, 'id', id);
  return chip;
};

/** Puts the focus back on the control that took the place of the focused one. @param {HTMLElement} element @param {() => void} change */
const keepingFocus = (element, change) => {
  const { activeElement } = document;
  const key =
    element.contains(activeElement) && activeElement instanceof HTMLElement && activeElement.dataset.focus;
  change();
  if (!key) return;
  for (const control of element.querySelectorAll('button'))
    if (control.dataset.focus === key) control.focus();
};
