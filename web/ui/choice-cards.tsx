import { type ReactNode, useId } from 'react';
import styles from './choice-cards.module.css';

interface ChoiceCard {
  readonly value: string;
  readonly name: string;
  readonly hint?: ReactNode;
  readonly isDisabled?: boolean;
}

export interface ChoiceCardsProps {
  readonly label: string;
  readonly choices: readonly ChoiceCard[];
  /** Those chosen; with `isMany` any number of them. */
  readonly chosen: readonly string[];
  readonly isMany?: boolean;
  readonly onChoose: (chosen: readonly string[]) => void;
}

/** One or several of a few, each explained. */
export const ChoiceCards = ({
  label,
  choices,
  chosen,
  isMany = false,
  onChoose,
}: ChoiceCardsProps): ReactNode => {
  const name = useId();
  const toggle = (value: string, isOn: boolean): void => {
    if (!isMany) onChoose([value]);
    else onChoose(isOn ? [...chosen, value] : chosen.filter((one) => one !== value));
  };
  return (
    <fieldset className={styles.choices}>
      <legend className={styles.legend}>{label}</legend>
      {choices.map(({ value, name: title, hint, isDisabled = false }) => (
        <label key={value} className={styles.choice} data-disabled={isDisabled}>
          <input
            type={isMany ? 'checkbox' : 'radio'}
            name={name}
            value={value}
            checked={chosen.includes(value)}
            disabled={isDisabled}
            onChange={(event) => toggle(value, event.target.checked)}
          />
          <span>
            <span className={styles.name}>{title}</span>
            {hint !== undefined && <span className={styles.hint}>{hint}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  );
};
