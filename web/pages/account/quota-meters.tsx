import type { ReactNode } from 'react';
import type { QuotaObject } from '../../../src/client/browser.ts';
import { formatBytes, formatCount } from '../../format/quantities.ts';
import { Meter } from '../../ui/meter.tsx';
import styles from './account-page.module.css';

/** How much of what an owner may keep is used. */
export const QuotaMeters = ({ quota: { bytes, files } }: { quota: QuotaObject }): ReactNode => (
  <div className={styles.stack}>
    <Meter
      name="Bytes"
      used={bytes.used}
      limit={bytes.limit}
      format={formatBytes}
      more={bytes.reserved > 0 ? `${formatBytes(bytes.reserved)} more for uploads under way` : undefined}
    />
    <Meter
      name="Files"
      used={files.used}
      limit={files.limit}
      format={formatCount}
      more={files.reserved > 0 ? `${formatCount(files.reserved)} more for uploads under way` : undefined}
    />
  </div>
);
