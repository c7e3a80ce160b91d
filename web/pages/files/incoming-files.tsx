import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useEffect, useState } from 'react';
import type { EventObject } from '../../../src/client/browser.ts';
import { keys } from '../../app/keys.ts';
import { cleanName } from '../../format/clean-name.ts';
import { formatBytes } from '../../format/quantities.ts';
import { Card } from '../../ui/card.tsx';
import { FileName } from '../../ui/file-name.tsx';
import { ProgressBar } from '../../ui/progress-bar.tsx';
import { useUploadItems } from '../../upload/uploads-provider.tsx';
import styles from './incoming-files.module.css';

type Incoming = Extract<EventObject, { type: 'file.progress' }>['data'];

const LOOK_EVERY_MS = 500;
/** Nothing is told of an upload that stands still. */
const STILL_MS = 8_000;

/** Files that are just coming in from elsewhere: another window, a program, an agent. */
export const IncomingFiles = (): ReactNode => {
  const queries = useQueryClient();
  const [incoming, setIncoming] = useState<readonly Incoming[]>([]);
  const own = new Set(useUploadItems().map(({ fileId }) => fileId));
  useEffect(() => {
    const look = (): void => {
      const moving = queries
        .getQueryCache()
        .findAll({ queryKey: keys.allIncoming })
        .filter(({ state }) => Date.now() - state.dataUpdatedAt < STILL_MS)
        .flatMap(({ state }) => (state.data === undefined ? [] : [state.data as Incoming]));
      setIncoming((before) => (before.length === 0 && moving.length === 0 ? before : moving));
    };
    const timer = setInterval(look, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [queries]);
  const others = incoming.filter(({ id }) => !own.has(id));
  if (others.length === 0) return null;
  return (
    <Card title="Coming in from elsewhere" isFlush>
      <ul>
        {others.map(({ id, filename, bytes, received_bytes: received }) => (
          <li key={id} className={styles.row}>
            <FileName name={filename} />
            <ProgressBar
              label={`${cleanName(filename)} to Waybill`}
              share={bytes === null || bytes === 0 ? null : received / bytes}
            />
            <span className={styles.amount}>
              {formatBytes(received)}
              {bytes !== null && ` of ${formatBytes(bytes)}`}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
};
