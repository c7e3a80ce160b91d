import { type ReactNode, useEffect, useState } from 'react';
import { Notice } from '../ui/notice.tsx';
import { useToast } from '../ui/toasts.tsx';
import { useLiveness } from './gateway.tsx';

/** A connection that is back sooner is nobody's business. */
const SHOWN_AFTER_MS = 1_500;

/** Says that the page is not kept current because the gateway cannot be reached, and when it can again. */
export const ConnectionState = (): ReactNode => {
  const liveness = useLiveness();
  const tell = useToast();
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    if (liveness === 'live' && isShown) {
      setShown(false);
      tell('good', 'The gateway is back.');
    }
    if (liveness !== 'away') return;
    const timer = setTimeout(() => setShown(true), SHOWN_AFTER_MS);
    return () => clearTimeout(timer);
  }, [liveness, isShown, tell]);
  if (!isShown) return null;
  return (
    <Notice tone="bad" isAlert>
      The gateway cannot be reached. What you see may be out of date; trying again…
    </Notice>
  );
};
