import type { ReactNode } from 'react';
import { PageHeader } from '../../ui/page-header.tsx';
import { CleanupReport } from './cleanup-report.tsx';
import { PassPanel } from './pass-panel.tsx';
import { planCleanup, planReconcile } from './plan.ts';
import { ReconcileReport } from './reconcile-report.tsx';

/** Cleanup and reconciliation: what they did last, what they would do, and doing it. */
export const UpkeepPage = (): ReactNode => (
  <>
    <PageHeader
      title="Upkeep"
      text="Both run by themselves on their schedules. Here you see what they did, and run them now."
    />
    <PassPanel
      kind="cleanup"
      title="Cleanup"
      text="Removes files whose time is over, and what interrupted uploads have left."
      verb="Clean up"
      plan={(pass) => (pass.kind === 'cleanup' && pass.report !== null ? planCleanup(pass.report) : null)}
      renderReport={(pass) => pass.kind === 'cleanup' && <CleanupReport pass={pass} />}
    />
    <PassPanel
      kind="reconcile"
      title="Reconciliation"
      text="Holds Waybill's record against what each provider says it has, and settles the differences."
      verb="Repair"
      plan={(pass) => (pass.kind === 'reconcile' && pass.report !== null ? planReconcile(pass.report) : null)}
      renderReport={(pass) => pass.kind === 'reconcile' && <ReconcileReport pass={pass} />}
    />
  </>
);
