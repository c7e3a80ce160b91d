import { X } from 'lucide-react';
import { type ReactNode, useId, useLayoutEffect, useRef } from 'react';
import { Button } from './button.tsx';
import styles from './dialog.module.css';

export interface DialogProps {
  readonly title: string;
  /** In the middle, or from the side for what is long. */
  readonly place?: 'middle' | 'side';
  /** By its button, by Escape, or by a press outside. Take it out then. */
  readonly onClose: () => void;
  readonly children: ReactNode;
  /** Its buttons, the one that goes on last. */
  readonly actions?: ReactNode;
}

/** A modal dialog for as long as it is there. The browser keeps the focus in it and gives it back. */
export const Dialog = ({ title, place = 'middle', onClose, children, actions }: DialogProps): ReactNode => {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  // Closed before it is taken out of the page: only then does the browser give the focus back.
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the key for it is Escape, which the browser handles.
    <dialog
      ref={ref}
      className={styles.dialog}
      data-place={place}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === event.currentTarget) onClose();
      }}
    >
      <div className={styles.sheet}>
        <header className={styles.head}>
          <h2 id={id}>{title}</h2>
          <Button kind="quiet" icon={X} aria-label="Close" onClick={onClose} />
        </header>
        <div className={styles.body}>{children}</div>
        {actions !== undefined && <footer className={styles.actions}>{actions}</footer>}
      </div>
    </dialog>
  );
};
