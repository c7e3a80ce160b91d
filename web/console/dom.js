/** The parts of the page: every text goes in as text, never as markup. */

/**
 * The element of an id that index.html has.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export const byId = (id, type) => {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} #${id}.`);
  return found;
};

/**
 * The element marked `data-part="name"` within a dialog or a cloned template.
 * @template {HTMLElement} T
 * @param {Element} root
 * @param {string} name
 * @param {new () => T} type
 * @returns {T}
 */
export const part = (root, name, type) => {
  const found = root.querySelector(`[data-part="${name}"]`);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} ${name} here.`);
  return found;
};

/**
 * A fresh copy of a template's one element.
 * @param {string} id
 * @returns {HTMLElement}
 */
export const clone = (id) => {
  const { firstElementChild } = byId(id, HTMLTemplateElement).content;
  if (firstElementChild === null) throw new Error(`The template #${id} is empty.`);
  const copy = document.importNode(firstElementChild, true);
  if (!(copy instanceof HTMLElement)) throw new Error(`The template #${id} holds no HTML element.`);
  return copy;
};

/**
 * @param {Element} root
 * @param {string} name
 * @param {string} text
 */
export const setText = (root, name, text) => {
  part(root, name, HTMLElement).textContent = text;
};

/**
 * Shows a text, or hides the element when there is none.
 * @param {HTMLElement} element
 * @param {string | null} text
 */
export const showText = (element, text) => {
  element.textContent = text ?? '';
  element.hidden = text === null;
};

/**
 * @param {string} value
 * @param {string} [label]
 * @returns {HTMLOptionElement}
 */
export const option = (value, label = value) => new Option(label, value);

/**
 * A description list's term and text.
 * @param {string} term
 * @param {string | Node} text
 * @returns {HTMLElement[]}
 */
export const fact = (term, text) => {
  const dt = document.createElement('dt');
  dt.textContent = term;
  const dd = document.createElement('dd');
  dd.append(text);
  return [dt, dd];
};

const TOAST_MS = 6_000;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let toastTimer;

/**
 * Says something that has happened, to eyes and to screen readers.
 * @param {string} text
 */
export const toast = (text) => {
  const element = byId('toast', HTMLElement);
  element.textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => element.replaceChildren(), TOAST_MS);
};

/**
 * Copies a text. Browsers offer the clipboard on https and localhost only; elsewhere the text is shown instead.
 * @param {string} text
 */
export const copyText = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    toast(`Copied ${text}`);
  } catch {
    toast(`The browser does not allow copying here: ${text}`);
  }
};
