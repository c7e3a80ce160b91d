import type { ReactNode } from 'react';
import type { ProviderObject } from '../../src/client/browser.ts';
import { providerName } from '../format/providers.ts';
import { purposeName } from '../format/purposes.ts';
import { ChoiceCards } from '../ui/choice-cards.tsx';
import { SelectField } from '../ui/field.tsx';
import { describeLimits } from './describe-limits.ts';
import type { Plan } from './judge.ts';
import styles from './upload-panel.module.css';

export interface PlanFieldsProps {
  readonly plan: Plan;
  readonly providers: readonly ProviderObject[];
  readonly onChange: (plan: Plan) => void;
}

const KINDS = [
  {
    value: 'auto',
    name: 'Choose for me',
    hint: 'Kimi for most files and GLM for very large ones, if they take the size, type and purpose; else whoever does.',
  },
  {
    value: 'named',
    name: 'These providers',
    hint: 'Each gets a copy of its own. Their limits are shown below.',
  },
  { value: 'none', name: 'Keep here only', hint: 'No provider gets it now. You can deliver it later.' },
];

/** Where the chosen files are to go, and what for. */
export const PlanFields = ({ plan, providers, onChange }: PlanFieldsProps): ReactNode => {
  const { destination, purpose } = plan;
  const purposes = new Set(['user_data', ...providers.flatMap((provider) => Object.keys(provider.purposes))]);
  const chooseKind = ([kind]: readonly string[]): void => {
    if (kind === 'named')
      onChange({ ...plan, destination: { kind, providers: providers.slice(0, 1).map(({ id }) => id) } });
    else onChange({ ...plan, destination: { kind: kind === 'none' ? 'none' : 'auto' } });
  };
  return (
    <div className={styles.plan}>
      <ChoiceCards label="Where to" choices={KINDS} chosen={[destination.kind]} onChoose={chooseKind} />
      {destination.kind === 'named' && (
        <ChoiceCards
          label="Providers"
          isMany
          choices={providers.map((provider) => ({
            value: provider.id,
            name: providerName(provider.id),
            hint: describeLimits(provider, purpose),
          }))}
          chosen={destination.providers}
          onChoose={(chosen) => onChange({ ...plan, destination: { kind: 'named', providers: chosen } })}
        />
      )}
      <div className={styles.purpose}>
        <SelectField
          label="Purpose"
          help="What the files are for. It decides which types a provider takes."
          value={purpose}
          choices={[...purposes].map((value) => ({ value, name: purposeName(value) }))}
          onChange={({ currentTarget }) => onChange({ ...plan, purpose: currentTarget.value })}
        />
      </div>
    </div>
  );
};
