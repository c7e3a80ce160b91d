import type { ReactNode } from 'react';
import { explain } from '../format/explain.ts';
import { Button } from './button.tsx';
import { Notice } from './notice.tsx';

/** That something could not be had, in the gateway's own words, and a way to try again. */
export const Problem = ({ error, onRetry }: { error: unknown; onRetry?: () => void }): ReactNode => (
  <Notice
    tone="bad"
    isAlert
    action={
      onRetry && (
        <Button size="s" onClick={onRetry}>
          Try again
        </Button>
      )
    }
  >
    {explain(error)}
  </Notice>
);
