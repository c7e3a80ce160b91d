import { clone, option, part, setText } from './dom.js';
import { formatLimits, listNames, providerName } from './format.js';

/** @typedef {import('./api.js').Provider} Provider */
/** @typedef {{ value: string, name: string, hint: string }} Choice */

const DEFAULT_PURPOSE = 'user_data';

/**
 * Radio buttons with an explanation each, in place of those in `container`. The one chosen before stays so.
 * @param {HTMLElement} container
 * @param {string} group
 * @param {{ choices: readonly Choice[], chosen: string | undefined }} options
 */
export const showChoices = (container, group, { choices, chosen }) => {
  for (const old of container.querySelectorAll('.choice')) old.remove();
  const checked = choices.find(({ value }) => value === chosen) ?? choices[0];
  for (const choice of choices) {
    const row = clone('choice-template');
    const input = part(row, 'input', HTMLInputElement);
    input.name = group;
    input.value = choice.value;
    input.checked = choice === checked;
    setText(row, 'name', choice.name);
    setText(row, 'hint', choice.hint);
    container.append(row);
  }
};

/**
 * @param {HTMLElement} container
 * @returns {string | undefined}
 */
export const chosenIn = (container) => {
  const checked = container.querySelector('input:checked');
  return checked instanceof HTMLInputElement ? checked.value : undefined;
};

/**
 * Where an upload may go: by itself, to each provider, to all, to none.
 * @param {readonly Provider[]} providers
 * @param {string} purpose
 * @returns {Choice[]}
 */
export const destinationChoices = (providers, purpose) => {
  const ids = providers.map(({ id }) => id);
  const all = {
    value: ids.join(','),
    name: ids.length === 2 ? 'Both' : 'All',
    hint: `A copy at each of ${listNames(ids.map(providerName))}; one that refuses does not stop the others`,
  };
  return [
    {
      value: 'auto',
      name: 'Auto',
      hint: 'The first provider that takes the file, by its size, type and purpose',
    },
    ...providers.map((provider) => ({
      value: provider.id,
      name: providerName(provider.id),
      hint: formatLimits(provider, purpose),
    })),
    ...(ids.length > 1 ? [all] : []),
    { value: 'none', name: 'None', hint: 'Stored in Waybill only; deliver it later' },
  ];
};

/** Every purpose that some provider takes, the usual one first. @param {readonly Provider[]} providers */
export const purposesOf = (providers) => [
  ...new Set([DEFAULT_PURPOSE, ...providers.flatMap(({ purposes }) => Object.keys(purposes))]),
];

/** @param {HTMLSelectElement} select @param {readonly string[]} purposes */
export const showPurposes = (select, purposes) => {
  const { value } = select;
  select.replaceChildren(...purposes.map((purpose) => option(purpose)));
  if (purposes.includes(value)) select.value = value;
};
