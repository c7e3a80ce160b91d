import { useMutation } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { useGateway } from '../../app/gateway.tsx';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { TextField } from '../../ui/field.tsx';
import { Problem } from '../../ui/problem.tsx';
import styles from './account-page.module.css';
import { QuotaForm } from './quota-form.tsx';
import { QuotaMeters } from './quota-meters.tsx';

/** Reads and changes what another user may keep. */
export const UserQuotaCard = (): ReactNode => {
  const { waybill } = useGateway();
  const [sub, setSub] = useState('');
  const find = useMutation({ mutationFn: (owner: string) => waybill.quota({ sub: owner }) });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    find.mutate(sub.trim());
  };
  return (
    <Card title="Quota of a user">
      <form className={styles.line} onSubmit={submit}>
        <TextField
          label="User"
          placeholder="The sub of their tokens"
          autoComplete="off"
          spellCheck={false}
          required
          value={sub}
          onChange={({ target }) => setSub(target.value)}
        />
        <Button isSubmit isBusy={find.isPending}>
          Show
        </Button>
      </form>
      {find.isError && <Problem error={find.error} />}
      {find.data && (
        <>
          <QuotaMeters quota={find.data} />
          <hr className={styles.rule} />
          <QuotaForm key={find.data.owner} quota={find.data} onSaved={() => find.mutate(find.data.owner)} />
        </>
      )}
    </Card>
  );
};
