import type { ReactNode } from 'react';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Notice } from '../../ui/notice.tsx';
import type { Plan } from './plan.ts';
import styles from './upkeep-page.module.css';

export interface ConfirmRunProps {
  readonly title: string;
  readonly verb: string;
  readonly plan: Plan | null;
  readonly isForced: boolean;
  /** Why the pass had stopped itself. */
  readonly message: string | null;
  readonly onClose: () => void;
  readonly onConfirm: () => void;
}

/** Asks before a run that changes something, with the numbers of its dry run. */
export const ConfirmRun = (props: ConfirmRunProps): ReactNode => {
  const { title, verb, plan, isForced, message, onClose, onConfirm } = props;
  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind={isForced ? 'danger' : 'primary'} onClick={onConfirm}>
            {isForced ? `${verb} all the same` : verb}
          </Button>
        </>
      }
    >
      {isForced && (
        <Notice tone="bad">
          It stopped itself to keep you from losing files by mistake: {message ?? 'it found too much to do.'}{' '}
          Go on only if you know why that is so.
        </Notice>
      )}
      {plan !== null && plan.steps.length > 0 && (
        <>
          <p>By the last look, this concerns:</p>
          <ul className={styles.steps}>
            {plan.steps.map((step) => (
              <li key={step}>{step}</li>
            ))}
          </ul>
        </>
      )}
      <p className={styles.muted}>
        What has changed since then is looked at again. What is removed cannot be brought back.
      </p>
    </Dialog>
  );
};
