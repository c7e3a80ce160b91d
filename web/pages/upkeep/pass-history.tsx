import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { PassObject } from '../../../src/client/browser.ts';
import { formatSeconds } from '../../format/quantities.ts';
import { Badge, type BadgeTone } from '../../ui/badge.tsx';
import { Loading } from '../../ui/loading.tsx';
import { Problem } from '../../ui/problem.tsx';
import { When } from '../../ui/when.tsx';
import styles from './upkeep-page.module.css';

const STATES: Readonly<Record<PassObject['status'], readonly [BadgeTone, string]>> = {
  running: ['accent', 'Running'],
  completed: ['good', 'Done'],
  stopped: ['busy', 'Stopped itself'],
  failed: ['bad', 'Failed'],
};

export interface PassHistoryProps {
  readonly history: UseQueryResult<readonly PassObject[]>;
  /** The one whose report is shown above. */
  readonly shownId: string | null;
}

/** The last passes of a kind, a line each. */
export const PassHistory = ({ history, shownId }: PassHistoryProps): ReactNode => {
  if (history.isPending) return <Loading label="Loading the last runs" />;
  if (history.isError) return <Problem error={history.error} onRetry={() => void history.refetch()} />;
  if (history.data.length === 0) return <p className={styles.muted}>It has not run yet.</p>;
  return (
    <details className={styles.examples}>
      <summary>Last runs</summary>
      <ul className={styles.runs}>
        {history.data.map((pass) => {
          const [tone, word] = STATES[pass.status];
          return (
            <li key={pass.id} className={styles.run} aria-current={pass.id === shownId || undefined}>
              <Badge tone={tone}>{word}</Badge>
              <span>{pass.dry_run ? 'Dry run' : 'Run'}</span>
              <span className={styles.muted}>
                <When at={pass.started_at} />
                {pass.ended_at !== null && `, took ${formatSeconds(pass.ended_at - pass.started_at)}`}
              </span>
            </li>
          );
        })}
      </ul>
    </details>
  );
};
