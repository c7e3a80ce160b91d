import { Send, Trash2 } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { cleanName } from '../format/clean-name.ts';
import { formatBytes } from '../format/quantities.ts';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { ChosenRow } from './chosen-row.tsx';
import type { Uploads } from './create-uploads.ts';
import { judge, type Plan } from './judge.ts';
import { PlanFields } from './plan-fields.tsx';
import type { UploadItem } from './upload-item.ts';
import styles from './upload-panel.module.css';
import { useLimits } from './use-limits.ts';

const FIRST_PLAN: Plan = { destination: { kind: 'auto' }, purpose: 'user_data' };

/** Files that have been chosen: where they are to go, and which of them will be refused. */
export const ChosenFiles = ({
  items,
  uploads,
}: {
  items: readonly UploadItem[];
  uploads: Uploads;
}): ReactNode => {
  const [plan, setPlan] = useState(FIRST_PLAN);
  const limits = useLimits();
  const judged = items.map((item) => ({ item, judgement: judge(item, plan, limits) }));
  const refused = judged.filter(({ judgement }) => judgement.kind === 'refused').length;
  const totalBytes = items.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const isNowhere = plan.destination.kind === 'named' && plan.destination.providers.length === 0;
  return (
    <Card
      title="Ready to send"
      isFlush
      actions={
        <span className={styles.sum}>
          {countOf(items.length)}, {formatBytes(totalBytes)}
        </span>
      }
    >
      <ul className={styles.rows} aria-label="Chosen files">
        {judged.map(({ item, judgement }) => (
          <ChosenRow
            key={item.id}
            item={item}
            judgement={judgement}
            action={
              <Button
                kind="quiet"
                size="s"
                icon={Trash2}
                aria-label={`Take out ${cleanName(item.name)}`}
                onClick={() => uploads.remove(item.id)}
              />
            }
          />
        ))}
      </ul>
      <PlanFields plan={plan} providers={limits.providers} onChange={setPlan} />
      <footer className={styles.foot}>
        <p role="status" className={styles.footText}>
          {refused > 0 &&
            `${refused === items.length ? 'None of them' : `${refused} of ${items.length}`} will ${refused === items.length ? 'be taken' : 'be refused'} as they are.`}
        </p>
        <Button onClick={() => items.forEach(({ id }) => void uploads.remove(id))}>Take all out</Button>
        <Button kind="primary" icon={Send} disabled={isNowhere} onClick={() => uploads.send(plan)}>
          Send {countOf(items.length)}
        </Button>
      </footer>
    </Card>
  );
};

const countOf = (count: number): string => `${count} ${count === 1 ? 'file' : 'files'}`;
