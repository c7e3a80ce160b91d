import type { PassObject } from '../../../src/client/browser.ts';
import { formatBytes, formatCount } from '../../format/quantities.ts';

export type CleanupReportObject = NonNullable<Extract<PassObject, { kind: 'cleanup' }>['report']>;
export type ReconcileReportObject = NonNullable<Extract<PassObject, { kind: 'reconcile' }>['report']>;
export type AccountReport = ReconcileReportObject['accounts'][number];

/** What a run would do, by its dry run. */
export interface Plan {
  /** A line each, with its number; empty: there is nothing to do. */
  readonly steps: readonly string[];
}

const counted = (count: number, one: string, many: string): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`;

const LEFTOVERS = [
  ['uploads', 'abandoned upload', 'abandoned uploads'],
  ['reservations', 'reservation of an upload that died', 'reservations of uploads that died'],
  ['blobs', 'blob that no file needs', 'blobs that no file needs'],
  ['upload_urls', 'used upload address', 'used upload addresses'],
  ['idempotency_keys', 'old idempotency key', 'old idempotency keys'],
  ['audit_rows', 'old audit entry', 'old audit entries'],
  ['tombstones', 'record of a file long gone', 'records of files long gone'],
  ['passes', 'old report', 'old reports'],
] as const;

export const planCleanup = ({ removed }: CleanupReportObject): Plan => ({
  steps: [
    ...(removed.files > 0
      ? [
          `${counted(removed.files, 'file', 'files')} (${formatBytes(removed.bytes)}), and the copies at providers`,
        ]
      : []),
    ...LEFTOVERS.flatMap(([key, one, many]) => (removed[key] > 0 ? [counted(removed[key], one, many)] : [])),
  ],
});

export const planReconcile = ({ accounts }: ReconcileReportObject): Plan => {
  const total = (read: (account: AccountReport) => number): number =>
    accounts.reduce((sum, account) => sum + read(account), 0);
  const steps: readonly (readonly [count: number, one: string, many: string])[] = [
    [
      total(({ ghosts }) => ghosts.redelivered),
      'missing copy is delivered again',
      'missing copies are delivered again',
    ],
    [
      total(({ ghosts }) => ghosts.marked),
      'missing copy is recorded as gone',
      'missing copies are recorded as gone',
    ],
    [
      total(({ orphans }) => orphans.adopted),
      'lost copy is taken up again',
      'lost copies are taken up again',
    ],
    [total(({ orphans }) => orphans.removed), 'surplus copy is removed', 'surplus copies are removed'],
  ];
  return { steps: steps.flatMap(([count, one, many]) => (count > 0 ? [counted(count, one, many)] : [])) };
};
