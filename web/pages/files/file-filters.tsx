import { type ReactNode, useEffect, useState } from 'react';
import { providerName } from '../../format/providers.ts';
import { purposeName } from '../../format/purposes.ts';
import { Button } from '../../ui/button.tsx';
import { SelectField, TextField } from '../../ui/field.tsx';
import { useLimits } from '../../upload/use-limits.ts';
import styles from './file-filters.module.css';
import { type FileFilters, isFiltered, noFilters } from './use-file-list.ts';

export interface FileFilterFieldsProps {
  readonly filters: FileFilters;
  readonly onChange: (filters: FileFilters) => void;
}

/** Not at each letter, so that a word is looked for once. */
const TYPING_MS = 250;

const STATUSES = [
  { value: '', name: 'Any status' },
  { value: 'uploaded', name: 'On its way' },
  { value: 'processed', name: 'Done' },
  { value: 'error', name: 'Refused by all' },
];
const ORDERS = [
  { value: 'desc', name: 'Newest first' },
  { value: 'asc', name: 'Oldest first' },
];

/** Which files are listed, and in which order. */
export const FileFilterFields = ({ filters, onChange }: FileFilterFieldsProps): ReactNode => {
  const { providers } = useLimits();
  const purposes = [
    ...new Set(['user_data', ...providers.flatMap((provider) => Object.keys(provider.purposes))]),
  ];
  const select = (name: keyof FileFilters) => ({
    value: filters[name],
    isLabelHidden: true,
    onChange: ({ currentTarget }: { currentTarget: HTMLSelectElement }) =>
      onChange({ ...filters, [name]: currentTarget.value }),
  });
  return (
    <search className={styles.filters}>
      <Search q={filters.q} onChange={(q) => onChange({ ...filters, q })} />
      <SelectField label="Status" choices={STATUSES} {...select('status')} />
      <SelectField
        label="Provider"
        choices={[
          { value: '', name: 'Any provider' },
          ...providers.map(({ id }) => ({ value: id, name: providerName(id) })),
        ]}
        {...select('provider')}
      />
      <SelectField
        label="Purpose"
        choices={[
          { value: '', name: 'Any purpose' },
          ...purposes.map((purpose) => ({ value: purpose, name: purposeName(purpose) })),
        ]}
        {...select('purpose')}
      />
      <SelectField label="Order" choices={ORDERS} {...select('order')} />
      {isFiltered(filters) && (
        <Button kind="quiet" onClick={() => onChange({ ...noFilters, order: filters.order })}>
          Clear
        </Button>
      )}
    </search>
  );
};

const Search = ({ q, onChange }: { q: string; onChange: (q: string) => void }): ReactNode => {
  const [text, setText] = useState(q);
  const [shown, setShown] = useState(q);
  if (shown !== q) {
    // Cleared from outside.
    setShown(q);
    setText(q);
  }
  useEffect(() => {
    if (text === q) return;
    const timer = setTimeout(() => onChange(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text, q, onChange]);
  return (
    <TextField
      label="Search by name"
      isLabelHidden
      type="search"
      placeholder="Search by name"
      value={text}
      onChange={({ currentTarget }) => setText(currentTarget.value)}
    />
  );
};
