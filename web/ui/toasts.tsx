import { createContext, type ReactNode, use, useCallback, useState } from 'react';
import { Notice, type NoticeTone } from './notice.tsx';
import styles from './toasts.module.css';

interface Toast {
  readonly id: number;
  readonly tone: NoticeTone;
  readonly text: string;
}

type Tell = (tone: NoticeTone, text: string) => void;

const ToastContext = createContext<Tell | null>(null);

const SHOWN_MS = 6_000;
let lastId = 0;

/** Where `useToast` speaks: at the edge of the page, for some seconds, and to screen readers. */
export const Toasts = ({ children }: { children: ReactNode }): ReactNode => {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const tell = useCallback<Tell>((tone, text) => {
    lastId += 1;
    const id = lastId;
    setToasts((before) => [...before, { id, tone, text }]);
    setTimeout(() => setToasts((before) => before.filter((toast) => toast.id !== id)), SHOWN_MS);
  }, []);
  return (
    <ToastContext value={tell}>
      {children}
      <div className={styles.toasts} role="status" aria-live="polite">
        {toasts.map(({ id, tone, text }) => (
          <Notice key={id} tone={tone}>
            {text}
          </Notice>
        ))}
      </div>
    </ToastContext>
  );
};

/** Says that something has happened. Throws outside `Toasts`. */
export const useToast = (): Tell => {
  const tell = use(ToastContext);
  if (tell === null) throw new Error('There are no toasts around this.');
  return tell;
};
