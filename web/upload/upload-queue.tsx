import type { ReactNode } from 'react';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import type { Uploads } from './create-uploads.ts';
import type { UploadItem } from './upload-item.ts';
import styles from './upload-panel.module.css';
import { UploadRow } from './upload-row.tsx';
import { queueWords } from './upload-words.ts';

/** Files that are being sent, and those that have been. */
export const UploadQueue = ({
  items,
  uploads,
}: {
  items: readonly UploadItem[];
  uploads: Uploads;
}): ReactNode => {
  const moving = items.filter(
    ({ state }) => state === 'sending' || state === 'waiting' || state === 'retrying',
  );
  const paused = items.filter(({ state }) => state === 'paused');
  const done = items.filter(({ state }) => state === 'done');
  const all = (some: readonly UploadItem[], act: (id: string) => void) => () => {
    for (const { id } of some) act(id);
  };
  return (
    <Card
      title="Uploads"
      isFlush
      actions={
        <>
          {/* Changes with each file and not with each percent, so that it can be read out. */}
          <span className={styles.sum} role="status">
            {queueWords(items)}
          </span>
          {moving.length > 0 && (
            <Button size="s" onClick={all(moving, uploads.pause)}>
              Pause all
            </Button>
          )}
          {moving.length === 0 && paused.length > 0 && (
            <Button size="s" onClick={all(paused, uploads.resume)}>
              Resume all
            </Button>
          )}
          {done.length > 0 && (
            <Button size="s" onClick={all(done, uploads.remove)}>
              Clear finished
            </Button>
          )}
        </>
      }
    >
      <ul className={styles.rows} aria-label="Uploads">
        {items.map((item) => (
          <UploadRow key={item.id} item={item} uploads={uploads} />
        ))}
      </ul>
    </Card>
  );
};
