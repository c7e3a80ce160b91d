/** @typedef {import('./api.js').Delivery} Delivery */
/** @typedef {import('./api.js').FileObject} FileObject */
/** @typedef {import('./api.js').Provider} Provider */

const UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB'];
const STEP = 1_024;
const DAY_SECONDS = 86_400;

/** @type {Readonly<Record<string, string>>} */
const PROVIDER_NAMES = { kimi: 'Kimi', glm: 'GLM' };
/** @type {Readonly<Record<string, string>>} */
const DELIVERY_LABELS = {
  pending: 'Waiting',
  uploading: 'Sending',
  processing: 'Processing',
  completed: 'Delivered',
  failed: 'Failed',
  evicted: 'Evicted',
  deleting: 'Removing',
  deleted: 'Removed',
};
const UNDER_WAY = new Set(['pending', 'uploading', 'processing', 'deleting']);

/** In units of 1,024, as everywhere in Waybill. @param {number} bytes */
export const formatBytes = (bytes) => {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log(bytes) / Math.log(STEP)), UNITS.length - 1);
  const value = bytes / STEP ** power;
  const digits = power > 0 && value < 10 ? 1 : 0;
  const unit = bytes === 1 ? 'byte' : UNITS[power];
  return `${value.toLocaleString('en', { maximumFractionDigits: digits })} ${unit}`;
};

/** @param {number} count @param {string} noun */
export const formatCount = (count, noun) => `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;

/** @param {number} unixSeconds */
export const formatTime = (unixSeconds) => {
  const date = new Date(unixSeconds * 1_000);
  const isToday = date.toDateString() === new Date().toDateString();
  const time = date.toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  if (isToday) return `Today, ${time}`;
  return `${date.toLocaleDateString('en', { day: 'numeric', month: 'short', year: 'numeric' })}, ${time}`;
};

/** @param {string} id */
export const providerName = (id) => PROVIDER_NAMES[id] ?? id;

/** "Kimi", "Kimi and GLM", "A, B and C". @param {readonly string[]} names */
export const listNames = (names) => new Intl.ListFormat('en-GB', { type: 'conjunction' }).format(names);

/** @param {Delivery} delivery */
export const isUnderWay = ({ status }) => UNDER_WAY.has(status);

/** @param {Delivery} delivery */
export const deliveryLabel = ({ status, error }) =>
  status === 'pending' && error !== null ? 'Trying again' : (DELIVERY_LABELS[status] ?? status);

/** The colour that a delivery's state has. @param {Delivery} delivery */
export const deliveryTone = (delivery) => {
  if (delivery.status === 'completed') return 'good';
  if (delivery.status === 'failed') return 'bad';
  return isUnderWay(delivery) ? 'busy' : 'still';
};

/** @param {FileObject} file @returns {{ label: string, tone: string }} */
export const fileState = ({ status, deliveries }) => {
  if (status === 'uploaded') return { label: 'On its way', tone: 'busy' };
  if (status === 'error') return { label: 'Failed', tone: 'bad' };
  return deliveries.length === 0 ? { label: 'Stored only', tone: 'still' } : { label: 'Ready', tone: 'good' };
};

/** How long a provider keeps a file. @param {Provider} provider */
export const formatLifetime = ({ limits: { lifetime_seconds: seconds } }) =>
  seconds === null ? 'kept until deleted' : `kept ${formatCount(Math.round(seconds / DAY_SECONDS), 'day')}`;

/** What a provider takes for a purpose, in a line. @param {Provider} provider @param {string} purpose */
export const formatLimits = (provider, purpose) => {
  const accepted = provider.purposes[purpose];
  if (accepted === undefined) return `Takes nothing for the purpose ${purpose}.`;
  const size = `Up to ${formatBytes(provider.limits.max_file_bytes)}`;
  return `${[size, formatLifetime(provider), formatTypes(accepted.extensions)].join(' · ')}`;
};

const FEW_TYPES = 14;
const SOME_TYPES = 5;

/** @param {readonly string[] | null} extensions */
const formatTypes = (extensions) => {
  if (extensions === null) return 'any file type';
  if (extensions.length <= FEW_TYPES) return extensions.join(', ');
  return `${extensions.slice(0, SOME_TYPES).join(', ')} and ${extensions.length - SOME_TYPES} more types`;
};
