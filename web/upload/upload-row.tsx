import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { cleanName } from '../format/clean-name.ts';
import { FileName } from '../ui/file-name.tsx';
import { ProgressBar } from '../ui/progress-bar.tsx';
import type { Uploads } from './create-uploads.ts';
import { DeliveryLegs } from './delivery-legs.tsx';
import { adviceFor } from './read-problem.ts';
import { UploadActions } from './upload-actions.tsx';
import type { UploadItem, UploadState } from './upload-item.ts';
import styles from './upload-panel.module.css';
import { uploadWords } from './upload-words.ts';

const TONES: Partial<Record<UploadState, 'good' | 'busy' | 'bad'>> = {
  done: 'good',
  paused: 'busy',
  retrying: 'busy',
  lost: 'busy',
  failed: 'bad',
};

/** One file on its way: to Waybill, and from there to the providers. */
export const UploadRow = ({ item, uploads }: { item: UploadItem; uploads: Uploads }): ReactNode => {
  const { state, fileId, sizeBytes, problem } = item;
  const name = cleanName(item.name);
  const keptId = state === 'done' ? fileId : (problem?.fileId ?? null);
  return (
    <li className={styles.row} data-state={state}>
      <div className={styles.head}>
        <FileName name={item.name}>
          {keptId === null ? undefined : <Link href={`/files/${keptId}`}>{name}</Link>}
        </FileName>
        <UploadActions item={item} uploads={uploads} />
      </div>
      <div className={styles.leg}>
        <span className={styles.legName}>To Waybill</span>
        {state !== 'done' && state !== 'failed' && (
          <ProgressBar
            label={`${name} to Waybill`}
            share={sizeBytes === 0 ? null : item.sentBytes / sizeBytes}
            tone={TONES[state] ?? 'accent'}
          />
        )}
        <span className={styles.words} data-tone={TONES[state]}>
          {uploadWords(item)}
        </span>
      </div>
      {problem !== null && (
        <p className={styles.problem}>
          {problem.message} <code>{problem.code}</code>
          {adviceFor(problem) !== null && <span className={styles.advice}>{adviceFor(problem)}</span>}
        </p>
      )}
      {state === 'lost' && (
        <p className={styles.advice}>
          The browser did not keep its bytes. Choose the same file again, and it goes on from there.
        </p>
      )}
      {fileId !== null && state !== 'failed' && (
        <DeliveryLegs fileId={fileId} name={name} sizeBytes={sizeBytes} hasArrived={state === 'done'} />
      )}
    </li>
  );
};
