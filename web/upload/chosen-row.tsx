import { CircleAlert, Info } from 'lucide-react';
import type { ReactNode } from 'react';
import { formatBytes } from '../format/quantities.ts';
import { FileName } from '../ui/file-name.tsx';
import type { Judgement } from './judge.ts';
import type { UploadItem } from './upload-item.ts';
import styles from './upload-panel.module.css';

export interface ChosenRowProps {
  readonly item: UploadItem;
  readonly judgement: Judgement;
  readonly action: ReactNode;
}

/** One file before it is sent, with what will be refused about it. */
export const ChosenRow = ({ item, judgement, action }: ChosenRowProps): ReactNode => (
  <li className={styles.row}>
    <div className={styles.head}>
      <FileName name={item.name} />
      <span className={styles.size}>{formatBytes(item.sizeBytes)}</span>
      {action}
    </div>
    {judgement.kind === 'refused' && (
      <p className={styles.flag} data-tone="bad">
        <CircleAlert size={14} aria-hidden="true" />
        <span>
          Will be refused: {judgement.reason} {judgement.help}
        </span>
      </p>
    )}
    {judgement.kind === 'partly' && (
      <p className={styles.flag} data-tone="busy">
        <Info size={14} aria-hidden="true" />
        <span>{judgement.reason} The others get it.</span>
      </p>
    )}
  </li>
);
