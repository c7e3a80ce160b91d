import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import type { FileObject, ProviderObject } from '../../../src/client/browser.ts';
import { useGateway } from '../../app/gateway.tsx';
import { cleanName } from '../../format/clean-name.ts';
import { providerName } from '../../format/providers.ts';
import { purposeName } from '../../format/purposes.ts';
import { Button } from '../../ui/button.tsx';
import { ChoiceCards } from '../../ui/choice-cards.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { SelectField } from '../../ui/field.tsx';
import { Loading } from '../../ui/loading.tsx';
import { Problem } from '../../ui/problem.tsx';
import { useToast } from '../../ui/toasts.tsx';
import { describeLimits } from '../../upload/describe-limits.ts';
import { refusalBy } from '../../upload/judge.ts';
import { useLimits } from '../../upload/use-limits.ts';

export interface DeliverDialogProps {
  readonly files: readonly FileObject[];
  /** Chosen to begin with. */
  readonly provider?: string | undefined;
  readonly onClose: () => void;
}

/** Delivers files that are here to a provider, again or for the first time. */
export const DeliverDialog = ({ files, provider, onClose }: DeliverDialogProps): ReactNode => {
  const { waybill } = useGateway();
  const { providers } = useLimits();
  const tell = useToast();
  const [wanted, setWanted] = useState<string | null>(provider ?? null);
  const [purpose, setPurpose] = useState(files[0]?.purpose ?? 'user_data');
  const chosen = wanted ?? providers[0]?.id ?? null;
  const purposes = new Set([purpose, ...providers.flatMap((one) => Object.keys(one.purposes))]);
  const delivery = useMutation({
    mutationFn: async (to: string) => {
      for (const { id } of files) await waybill.deliver(id, { provider: to, purpose });
    },
    onSuccess: (_nothing, to) => {
      tell('good', `${whatOf(files)} is on its way to ${providerName(to)}.`);
      onClose();
    },
  });
  return (
    <Dialog
      title={`Deliver ${whatOf(files)}`}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            kind="primary"
            isBusy={delivery.isPending}
            disabled={chosen === null}
            onClick={() => chosen !== null && delivery.mutate(chosen)}
          >
            {chosen === null ? 'Deliver' : `Deliver to ${providerName(chosen)}`}
          </Button>
        </>
      }
    >
      {providers.length === 0 && <Loading label="Loading the providers" />}
      <ChoiceCards
        label="Provider"
        choices={providers.map((one) => ({
          value: one.id,
          name: providerName(one.id),
          hint: hintFor(one, files, purpose),
        }))}
        chosen={chosen === null ? [] : [chosen]}
        onChoose={([first]) => setWanted(first ?? null)}
      />
      <SelectField
        label="Purpose"
        value={purpose}
        choices={[...purposes].map((value) => ({ value, name: purposeName(value) }))}
        onChange={({ currentTarget }) => setPurpose(currentTarget.value)}
      />
      {delivery.isError && <Problem error={delivery.error} />}
    </Dialog>
  );
};

const whatOf = (files: readonly FileObject[]): string =>
  files.length === 1 && files[0] !== undefined ? cleanName(files[0].filename) : `${files.length} files`;

const hintFor = (provider: ProviderObject, files: readonly FileObject[], purpose: string): string => {
  const refusals = files.flatMap(
    ({ filename, bytes }) => refusalBy(provider, { name: filename, sizeBytes: bytes }, purpose) ?? [],
  );
  const [first] = refusals;
  if (first === undefined) return describeLimits(provider, purpose);
  return `Will refuse ${files.length === 1 ? 'it' : `${refusals.length} of them`}: ${first}.`;
};
