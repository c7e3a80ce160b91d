import type { LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import styles from './empty-state.module.css';

export interface EmptyStateProps {
  readonly title: string;
  readonly text: string;
  readonly icon?: LucideIcon;
  readonly action?: ReactNode;
}

/** What stands where there is nothing to show: why, and what to do about it. */
export const EmptyState = ({ title, text, icon: Icon, action }: EmptyStateProps): ReactNode => (
  <div className={styles.empty}>
    {Icon && (
      <span className={styles.icon}>
        <Icon size={22} aria-hidden="true" />
      </span>
    )}
    <p className={styles.title}>{title}</p>
    <p className={styles.text}>{text}</p>
    {action}
  </div>
);
