import type { ReactNode } from 'react';
import type { PassObject } from '../../../src/client/browser.ts';
import { formatBytes, formatCount } from '../../format/quantities.ts';
import { type Fact, Facts } from '../../ui/facts.tsx';

/** What a cleanup found. */
export const CleanupReport = ({
  pass: { report },
}: {
  pass: Extract<PassObject, { kind: 'cleanup' }>;
}): ReactNode => {
  if (report === null) return null;
  const { days, live_files, due_files, due_bytes, unexpected_files } = report.retention;
  const facts: readonly Fact[] = [
    ['Files are kept', days === 0 ? 'For ever' : `${formatCount(days)} days`],
    ['Files in all', formatCount(live_files)],
    ['Time is over for', due_files === 0 ? 'None' : `${formatCount(due_files)} (${formatBytes(due_bytes)})`],
    ...(unexpected_files > 0
      ? [
          [
            'Of these unexpected',
            `${formatCount(unexpected_files)}, which the last cleanup should have found`,
          ] as const,
        ]
      : []),
  ];
  return <Facts facts={facts} />;
};
