import { Eye } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import type { PassObject } from '../../../src/client/browser.ts';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { Problem } from '../../ui/problem.tsx';
import { useToast } from '../../ui/toasts.tsx';
import { ConfirmRun } from './confirm-run.tsx';
import { PassHistory } from './pass-history.tsx';
import { PassOutcome } from './pass-outcome.tsx';
import type { Plan } from './plan.ts';
import styles from './upkeep-page.module.css';
import { usePass } from './use-pass.ts';

export interface PassPanelProps {
  readonly kind: PassObject['kind'];
  readonly title: string;
  readonly text: string;
  /** What the real run does, as its button says it. */
  readonly verb: string;
  /** What a dry run found; null while it has no report. */
  readonly plan: (pass: PassObject) => Plan | null;
  readonly renderReport: (pass: PassObject) => ReactNode;
}

/** One kind of pass: a dry run first, the run behind a question that names its numbers, and those before. */
export const PassPanel = ({ kind, title, text, verb, plan, renderReport }: PassPanelProps): ReactNode => {
  const { history, run } = usePass(kind);
  const tell = useToast();
  const [asked, setAsked] = useState<{ readonly isForced: boolean } | null>(null);
  const shown = run.data ?? history.data?.find(({ status }) => status !== 'running') ?? null;
  const dryRun = run.data?.dry_run === true ? run.data : null;
  const planned = dryRun === null ? null : plan(dryRun);
  const runForReal = (isForced: boolean): void => {
    setAsked(null);
    run.mutate(
      { isDryRun: false, isForced },
      {
        onSuccess: ({ status }) =>
          status === 'completed'
            ? tell('good', `${title} is done.`)
            : tell('bad', `${title} did not go through.`),
      },
    );
  };
  return (
    <Card
      title={title}
      actions={
        <>
          <Button
            icon={Eye}
            isBusy={run.isPending && run.variables.isDryRun}
            disabled={run.isPending}
            onClick={() => run.mutate({ isDryRun: true })}
          >
            Dry run
          </Button>
          {planned !== null && planned.steps.length > 0 && dryRun?.status === 'completed' && (
            <Button kind="primary" disabled={run.isPending} onClick={() => setAsked({ isForced: false })}>
              {verb}
            </Button>
          )}
        </>
      }
    >
      <p className={styles.muted}>{text}</p>
      {run.isError && <Problem error={run.error} />}
      {shown !== null && (
        <PassOutcome
          pass={shown}
          plan={plan(shown)}
          isRunning={run.isPending}
          onForce={() => setAsked({ isForced: true })}
        >
          {renderReport(shown)}
        </PassOutcome>
      )}
      <PassHistory history={history} shownId={shown?.id ?? null} />
      {asked !== null && shown !== null && (
        <ConfirmRun
          title={`${verb} now?`}
          verb={verb}
          plan={plan(shown)}
          isForced={asked.isForced}
          message={shown.message}
          onClose={() => setAsked(null)}
          onConfirm={() => runForReal(asked.isForced)}
        />
      )}
    </Card>
  );
};
