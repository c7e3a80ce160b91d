import { byId, clone, fact, part, setText } from './dom.js';
import { formatBytes, formatLifetime, formatTime, listNames, providerName } from './format.js';

/** @typedef {import('./api.js').Provider} Provider */

/** From this share on a capacity is shown as a warning. */
const NEARLY_FULL = 0.9;

/** The panel of providers: what each takes and how much of it is used. @param {readonly Provider[]} providers */
export const showProviders = (providers) => {
  const panel = byId('providers', HTMLElement);
  const open = new Set([...panel.querySelectorAll('details[open]')].map(({ id }) => id));
  panel.replaceChildren(...providers.map(createCard));
  for (const details of panel.querySelectorAll('details')) details.open = open.has(details.id);
};

/** @param {Provider} provider */
const createCard = (provider) => {
  const card = clone('provider-template');
  const { id, limits, used } = provider;
  setText(card, 'name', providerName(id));
  part(card, 'tag', HTMLElement).hidden = !provider.emulated;
  part(card, 'meters', HTMLElement).append(
    createMeter('Files', { value: used.files, max: limits.max_files, format: (n) => n.toLocaleString('en') }),
    createMeter('Space', { value: used.bytes, max: limits.max_total_bytes, format: formatBytes }),
  );
  part(card, 'limits', HTMLElement).append(
    ...fact('Largest file', formatBytes(limits.max_file_bytes)),
    ...fact('Files are', formatLifetime(provider)),
    ...fact(
      'Last delivery',
      provider.last_activity_at === null ? 'none yet' : formatTime(provider.last_activity_at),
    ),
  );
  const details = card.querySelector('details');
  if (details !== null) details.id = `types-${id}`;
  part(card, 'purposes', HTMLElement).append(
    ...Object.entries(provider.purposes).flatMap(([purpose, { extensions }]) =>
      fact(purpose, extensions === null ? 'any file type' : extensions.join(', ')),
    ),
  );
  return card;
};

/** @param {string} label @param {{ value: number, max: number | null, format: (n: number) => string }} amount */
const createMeter = (label, { value, max, format }) => {
  const gauge = clone('meter-template');
  const meter = part(gauge, 'meter', HTMLMeterElement);
  const text = max === null ? `${format(value)}, no limit` : `${format(value)} of ${format(max)}`;
  setText(gauge, 'label', label);
  setText(gauge, 'text', text);
  meter.setAttribute('aria-label', label);
  meter.setAttribute('aria-valuetext', text);
  meter.max = max ?? 1;
  meter.high = meter.max * NEARLY_FULL;
  meter.value = max === null ? 0 : value;
  return gauge;
};

/** Says so when providers are played by emulators. @param {readonly Provider[]} providers */
export const showEmulated = (providers) => {
  const emulated = providers.filter((provider) => provider.emulated).map(({ id }) => providerName(id));
  const notice = byId('emulated', HTMLElement);
  notice.hidden = emulated.length === 0;
  notice.textContent =
    `${listNames(emulated)} ${emulated.length === 1 ? 'is' : 'are'} emulated because no API key is set: ` +
    'what you upload stays with this gateway, and no model can use it.';
};
