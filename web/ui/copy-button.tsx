import { Check, Copy } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { Button } from './button.tsx';

const SHOWN_MS = 1_600;

/** Copies `text`. `label` names what it is, as in "Copy the file id". */
export const CopyButton = ({ text, label }: { text: string; label: string }): ReactNode => {
  const [state, setState] = useState<'idle' | 'copied' | 'failed'>('idle');
  useEffect(() => {
    if (state === 'idle') return;
    const timer = setTimeout(() => setState('idle'), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setState('copied');
    } catch {
      setState('failed');
    }
  };
  return (
    <>
      <Button
        kind="quiet"
        size="s"
        icon={state === 'copied' ? Check : Copy}
        aria-label={label}
        title={label}
        onClick={() => void copy()}
      />
      <span className="visually-hidden" role="status">
        {state === 'copied' ? 'Copied' : state === 'failed' ? 'The browser did not let it be copied' : ''}
      </span>
    </>
  );
};
