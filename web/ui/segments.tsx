import { type ReactNode, useId } from 'react';
import styles from './segments.module.css';

export interface SegmentsProps<Value extends string> {
  /** Read out, not shown. */
  readonly label: string;
  readonly choices: readonly { readonly value: Value; readonly name: string }[];
  readonly chosen: Value;
  readonly onChoose: (value: Value) => void;
}

/** One of two to four, side by side. */
export const Segments = <Value extends string>({
  label,
  choices,
  chosen,
  onChoose,
}: SegmentsProps<Value>): ReactNode => {
  const name = useId();
  return (
    <fieldset className={styles.segments}>
      <legend className="visually-hidden">{label}</legend>
      {choices.map((choice) => (
        <label key={choice.value} className={styles.segment}>
          <input
            type="radio"
            className="visually-hidden"
            name={name}
            value={choice.value}
            checked={choice.value === chosen}
            onChange={() => onChoose(choice.value)}
          />
          {choice.name}
        </label>
      ))}
    </fieldset>
  );
};
