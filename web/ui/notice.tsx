import { CircleAlert, CircleCheck, Info, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import styles from './notice.module.css';

export type NoticeTone = 'still' | 'good' | 'busy' | 'bad';

const ICONS = { still: Info, good: CircleCheck, busy: TriangleAlert, bad: CircleAlert };

export interface NoticeProps {
  readonly tone: NoticeTone;
  readonly children: ReactNode;
  /** What can be done about it. */
  readonly action?: ReactNode;
  /** Read out when it appears. */
  readonly isAlert?: boolean;
}

/** Something that holds for what is around it. */
export const Notice = ({ tone, children, action, isAlert = false }: NoticeProps): ReactNode => {
  const Icon = ICONS[tone];
  return (
    <div className={styles.notice} data-tone={tone} role={isAlert ? 'alert' : undefined}>
      <Icon size={16} aria-hidden="true" />
      <div className={styles.text}>{children}</div>
      {action}
    </div>
  );
};
