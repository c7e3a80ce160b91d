import { explain } from './api.js';
import { chosenIn, purposesOf, showChoices } from './choices.js';
import { byId, option, part, setText, showText, toast } from './dom.js';
import { deliveryLabel, formatLimits, providerName } from './format.js';

/** @typedef {import('./api.js').Api} Api */
/** @typedef {import('./api.js').FileObject} FileObject */
/** @typedef {import('./api.js').Provider} Provider */

/**
 * Asks to which provider a file goes, again or anew, and for what. Doing it twice is harmless.
 * @param {object} options
 * @param {Api} options.api
 * @param {FileObject} options.file
 * @param {readonly Provider[]} options.providers
 * @param {string | undefined} options.provider The one to begin with
 * @param {() => void} options.onDelivering
 */
export const askToDeliver = ({ api, file, providers, provider, onDelivering }) => {
  const dialog = byId('deliver-dialog', HTMLDialogElement);
  const confirm = part(dialog, 'confirm', HTMLButtonElement);
  const choices = part(dialog, 'choices', HTMLElement);
  const purpose = part(dialog, 'purpose', HTMLSelectElement);
  const problem = part(dialog, 'problem', HTMLElement);
  setText(dialog, 'name', file.filename);
  showText(problem, null);
  confirm.disabled = providers.length === 0;
  const others = purposesOf(providers).filter((name) => name !== file.purpose);
  purpose.replaceChildren(
    option(file.purpose, `${file.purpose} (as uploaded)`),
    ...others.map((name) => option(name)),
  );
  const notThere = providers.find(
    ({ id }) => !file.deliveries.some((copy) => copy.provider === id && copy.status === 'completed'),
  );
  const show = () =>
    showChoices(choices, 'deliver-to', {
      choices: providers.map((candidate) => describe(candidate, file, purpose.value)),
      chosen: chosenIn(choices) ?? provider ?? notThere?.id,
    });
  choices.replaceChildren();
  show();
  purpose.onchange = show;

  confirm.onclick = async () => {
    const to = chosenIn(choices);
    if (to === undefined) return;
    confirm.disabled = true;
    showText(problem, null);
    try {
      await api.deliver(file.id, { provider: to, purpose: purpose.value });
      toast(`${file.filename} goes to ${providerName(to)}.`);
      dialog.close();
      onDelivering();
    } catch (error) {
      showText(problem, explain(error));
    } finally {
      confirm.disabled = false;
    }
  };
  dialog.showModal();
};

/** @param {Provider} provider @param {FileObject} file @param {string} purpose */
const describe = (provider, file, purpose) => {
  const there = file.deliveries.filter((delivery) => delivery.provider === provider.id);
  const states = there.map((delivery) => `${deliveryLabel(delivery)} as ${delivery.purpose}`);
  const hint = [...states, formatLimits(provider, purpose)].join(' · ');
  return { value: provider.id, name: providerName(provider.id), hint };
};
