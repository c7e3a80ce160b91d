import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { FileObject } from '../../../src/client/browser.ts';
import { isOnItsWay } from '../../format/deliveries.ts';
import { providerName } from '../../format/providers.ts';
import { formatBytes } from '../../format/quantities.ts';
import { Badge, type BadgeTone } from '../../ui/badge.tsx';
import { Card } from '../../ui/card.tsx';
import { When } from '../../ui/when.tsx';
import styles from './overview-page.module.css';

/** The user's own files that came last. */
export const LatestFiles = ({ files }: { files: readonly FileObject[] }): ReactNode => (
  <Card title="Your latest files" isFlush actions={<Link href="/files">All files</Link>}>
    <ul className={styles.rows}>
      {files.map((file) => {
        const [tone, word] = stateOf(file);
        return (
          <li key={file.id} className={styles.row}>
            <div className={styles.what}>
              <Link href={`/files/${file.id}`} className={styles.name}>
                {file.filename}
              </Link>
              <span className={styles.detail}>
                {formatBytes(file.bytes)} · <When at={file.created_at} />
                {file.deliveries.length > 0 && ` · ${placesOf(file)}`}
              </span>
            </div>
            <Badge tone={tone}>{word}</Badge>
          </li>
        );
      })}
    </ul>
  </Card>
);

const placesOf = ({ deliveries }: FileObject): string =>
  [...new Set(deliveries.map(({ provider }) => providerName(provider)))].join(', ');

const stateOf = ({ status, deliveries }: FileObject): readonly [BadgeTone, string] => {
  if (status === 'error') return ['bad', 'Not taken'];
  if (deliveries.some((delivery) => isOnItsWay(delivery) && delivery.status !== 'deleting'))
    return ['busy', 'On its way'];
  if (deliveries.some((delivery) => delivery.status === 'failed')) return ['bad', 'Partly failed'];
  if (deliveries.some((delivery) => delivery.status === 'completed')) return ['good', 'Delivered'];
  return ['still', 'Stored'];
};
