import { type ComponentProps, type ReactNode, useId } from 'react';
import styles from './field.module.css';

interface Labelled {
  readonly label: string;
  /** Under the field. */
  readonly help?: ReactNode;
  /** What is wrong with its value. */
  readonly problem?: string | undefined;
  /** The label is only read out. */
  readonly isLabelHidden?: boolean;
}

const describedBy = (id: string, { help, problem }: Labelled): string | undefined =>
  help === undefined && problem === undefined ? undefined : `${id}-more`;

const Frame = ({ id, children, ...labelled }: Labelled & { id: string; children: ReactNode }): ReactNode => (
  <div className={styles.field}>
    <label className={labelled.isLabelHidden === true ? 'visually-hidden' : styles.label} htmlFor={id}>
      {labelled.label}
    </label>
    {children}
    {describedBy(id, labelled) !== undefined && (
      <p id={`${id}-more`} className={styles.more} data-bad={labelled.problem !== undefined}>
        {labelled.problem ?? labelled.help}
      </p>
    )}
  </div>
);

/** A line of text with its label. */
export const TextField = ({
  label,
  help,
  problem,
  isLabelHidden = false,
  ...rest
}: Labelled & Omit<ComponentProps<'input'>, 'id' | 'className'>): ReactNode => {
  const id = useId();
  const labelled = { label, help, isLabelHidden, problem };
  return (
    <Frame id={id} {...labelled}>
      <input
        {...rest}
        id={id}
        className={styles.control}
        aria-describedby={describedBy(id, labelled)}
        aria-invalid={problem !== undefined || undefined}
      />
    </Frame>
  );
};

export interface Choice {
  readonly value: string;
  readonly name: string;
}

/** One of a few, from a list that opens. */
export const SelectField = ({
  label,
  help,
  problem,
  isLabelHidden = false,
  choices,
  ...rest
}: Labelled & { choices: readonly Choice[] } & Omit<
    ComponentProps<'select'>,
    'id' | 'className'
  >): ReactNode => {
  const id = useId();
  const labelled = { label, help, isLabelHidden, problem };
  return (
    <Frame id={id} {...labelled}>
      <select {...rest} id={id} className={styles.control} aria-describedby={describedBy(id, labelled)}>
        {choices.map(({ value, name }) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </Frame>
  );
};
