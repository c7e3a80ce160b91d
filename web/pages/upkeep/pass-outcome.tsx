import type { ReactNode } from 'react';
import type { PassObject } from '../../../src/client/browser.ts';
import { formatExactly } from '../../format/times.ts';
import { Button } from '../../ui/button.tsx';
import { Notice, type NoticeTone } from '../../ui/notice.tsx';
import type { Plan } from './plan.ts';
import styles from './upkeep-page.module.css';

export interface PassOutcomeProps {
  readonly pass: PassObject;
  readonly plan: Plan | null;
  readonly isRunning: boolean;
  /** Asks for the run that goes through with what this one stopped before. */
  readonly onForce: () => void;
  /** Its report. */
  readonly children: ReactNode;
}

/** How one pass ended, in a sentence, and its report. */
export const PassOutcome = ({ pass, plan, isRunning, onForce, children }: PassOutcomeProps): ReactNode => {
  const [tone, text] = sentenceOf(pass, plan);
  return (
    <section className={styles.outcome} aria-label={`Report of ${formatExactly(pass.started_at)}`}>
      <div role="status">
        <Notice
          tone={tone}
          action={
            pass.status === 'stopped' && (
              <Button size="s" kind="danger" disabled={isRunning} onClick={onForce}>
                Run it all the same
              </Button>
            )
          }
        >
          {text}
        </Notice>
      </div>
      {children}
    </section>
  );
};

const sentenceOf = (pass: PassObject, plan: Plan | null): readonly [NoticeTone, string] => {
  const { status, dry_run, message } = pass;
  if (status === 'running') return ['still', 'It is running.'];
  if (status === 'failed') return ['bad', `It failed. ${message ?? ''}`];
  if (status === 'stopped')
    return ['busy', `It stopped itself, because it found more to do than is believable. ${message ?? ''}`];
  const isIdle = plan === null || plan.steps.length === 0;
  if (dry_run)
    return isIdle
      ? ['good', 'Dry run: there is nothing to do.']
      : ['still', `Dry run: ${list(plan)}. Nothing is changed yet.`];
  return isIdle ? ['good', 'There was nothing to do.'] : ['good', `Done: ${list(plan)}.`];
};

const list = ({ steps }: Plan): string => steps.join('; ');
