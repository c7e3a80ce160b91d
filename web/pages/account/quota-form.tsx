import { useMutation } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import type { QuotaObject } from '../../../src/client/browser.ts';
import { useGateway } from '../../app/gateway.tsx';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
import { Problem } from '../../ui/problem.tsx';
import { useToast } from '../../ui/toasts.tsx';
import styles from './account-page.module.css';

const GIB = 2 ** 30;

interface Limits {
  readonly bytes: number | null;
  readonly files: number | null;
}

/** Sets an owner's limits: 0 is no limit, and "as everybody" takes their own away. */
export const QuotaForm = ({ quota, onSaved }: { quota: QuotaObject; onSaved: () => void }): ReactNode => {
  const { waybill } = useGateway();
  const tell = useToast();
  const [gigabytes, setGigabytes] = useState(String(Number(((quota.bytes.limit ?? 0) / GIB).toFixed(3))));
  const [files, setFiles] = useState(String(quota.files.limit ?? 0));
  const save = useMutation({
    mutationFn: (limits: Limits) => waybill.setQuota(quota.owner, limits),
    onSuccess: () => {
      tell('good', `The quota of ${quota.owner} is saved.`);
      onSaved();
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    save.mutate({ bytes: Math.round(Number(gigabytes) * GIB), files: Number(files) });
  };
  return (
    <form className={styles.stack} onSubmit={submit} aria-label={`Quota of ${quota.owner}`}>
      <div className={styles.pair}>
        <TextField
          label="Limit in GB"
          help="0: no limit"
          type="number"
          min={0}
          step="any"
          required
          value={gigabytes}
          onChange={({ target }) => setGigabytes(target.value)}
        />
        <TextField
          label="Limit in files"
          help="0: no limit"
          type="number"
          min={0}
          required
          value={files}
          onChange={({ target }) => setFiles(target.value)}
        />
      </div>
      {save.isError && <Problem error={save.error} />}
      <div className={styles.end}>
        <Button
          kind="quiet"
          disabled={save.isPending}
          onClick={() => save.mutate({ bytes: null, files: null })}
        >
          As everybody
        </Button>
        <Button kind="primary" isSubmit isBusy={save.isPending}>
          Save
        </Button>
      </div>
    </form>
  );
};
