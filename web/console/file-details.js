import { clone, copyText, fact, part, setText, showText } from './dom.js';
import { deliveryLabel, formatBytes, formatTime, providerName } from './format.js';

/** @typedef {import('./api.js').Delivery} Delivery */
/** @typedef {import('./api.js').FileObject} FileObject */

const CAN_GO_AGAIN = new Set(['failed', 'evicted', 'deleted']);

/**
 * All that is known of a copy at a provider.
 * @param {Delivery} delivery
 * @param {() => void} deliverAgain
 */
export const deliveryDetails = (delivery, deliverAgain) => {
  const section = clone('facts-template');
  const { provider, provider_file_id: id, error, expires_at: expiresAt } = delivery;
  setText(section, 'title', `${providerName(provider)}: ${deliveryLabel(delivery).toLowerCase()}`);
  part(section, 'list', HTMLElement).append(
    ...(id === null ? [] : fact('Id there', copyable(id, `id ${provider} ${delivery.purpose}`))),
    ...fact('Why', delivery.reason),
    ...fact('Purpose there', delivery.purpose),
    ...fact('Sent', `${formatBytes(delivery.bytes_sent)} · ${attempts(delivery.attempts)}`),
    ...fact('Changed', formatTime(delivery.updated_at)),
    ...(expiresAt === null ? [] : fact('Expires there', formatTime(expiresAt))),
  );
  showText(part(section, 'problem', HTMLElement), error === null ? null : `${error.code}: ${error.message}`);
  const again = part(section, 'again', HTMLButtonElement);
  again.hidden = !CAN_GO_AGAIN.has(delivery.status);
  again.dataset.focus = `again ${provider} ${delivery.purpose}`;
  again.addEventListener('click', deliverAgain);
  return section;
};

/** @param {FileObject} file */
export const fileDetails = (file) => {
  const section = clone('facts-template');
  setText(section, 'title', 'In Waybill');
  part(section, 'list', HTMLElement).append(
    ...fact('File id', copyable(file.id, 'id')),
    ...fact('SHA-256', copyable(file.sha256, 'sha256')),
    ...fact('Size', `${file.bytes.toLocaleString('en')} bytes`),
    ...fact('Purpose', file.purpose),
    ...(file.expires_at === null ? [] : fact('Expires', formatTime(file.expires_at))),
  );
  showText(part(section, 'problem', HTMLElement), file.status === 'error' ? file.status_details : null);
  return section;
};

/** @param {number} count */
const attempts = (count) => (count === 1 ? '1 attempt' : `${count} attempts`);

/** @param {string} text @param {string} focus */
const copyable = (text, focus) => {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy copy-whole';
  button.title = 'Copy';
  button.dataset.focus = `details ${focus}`;
  const code = document.createElement('code');
  code.textContent = text;
  button.append(code);
  button.addEventListener('click', () => void copyText(text));
  return button;
};
