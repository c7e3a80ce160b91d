import type { LucideIcon } from 'lucide-react';
import type { ComponentProps, ReactNode } from 'react';
import styles from './button.module.css';

export interface ButtonProps extends Omit<ComponentProps<'button'>, 'className' | 'type'> {
  readonly kind?: 'primary' | 'plain' | 'quiet' | 'danger';
  readonly size?: 's' | 'm';
  readonly icon?: LucideIcon;
  /** It stays where it is, turns, and cannot be pressed again. */
  readonly isBusy?: boolean;
  /** Submits the form around it. */
  readonly isSubmit?: boolean;
}

/** A button; with an icon and no children it needs an `aria-label`. */
export const Button = ({
  kind = 'plain',
  size = 'm',
  icon: Icon,
  isBusy = false,
  isSubmit = false,
  disabled,
  children,
  ...rest
}: ButtonProps): ReactNode => (
  <button
    {...rest}
    type={isSubmit ? 'submit' : 'button'}
    className={styles.button}
    data-kind={kind}
    data-size={size}
    data-bare={children === undefined}
    disabled={disabled === true || isBusy}
    aria-busy={isBusy || undefined}
  >
    {isBusy ? (
      <span className={styles.turning} aria-hidden="true" />
    ) : (
      Icon && <Icon size={16} aria-hidden="true" />
    )}
    {children}
  </button>
);
