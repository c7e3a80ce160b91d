import type { ReactNode } from 'react';
import type { FileObject } from '../../../src/client/browser.ts';
import { deliveryWords } from '../../format/deliveries.ts';
import { providerName } from '../../format/providers.ts';
import { Badge } from '../../ui/badge.tsx';
import styles from './file-table.module.css';

/** Where a file is besides here, a word for each place. */
export const DeliveryBadges = ({ file }: { file: FileObject }): ReactNode => {
  if (file.deliveries.length === 0) return <span className={styles.quiet}>Kept here only</span>;
  return (
    <ul className={styles.badges}>
      {file.deliveries.map((delivery) => {
        const { tone, word, text } = deliveryWords(delivery, file.bytes);
        return (
          <li key={delivery.provider} title={delivery.error?.message ?? text}>
            <Badge tone={tone}>
              {providerName(delivery.provider)}: {word.toLowerCase()}
            </Badge>
          </li>
        );
      })}
    </ul>
  );
};
