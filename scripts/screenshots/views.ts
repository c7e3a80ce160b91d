import type { Page } from 'playwright-core';
import type { View } from './shoot.ts';
import type { World } from './world.ts';

const dryRun = async (page: Page): Promise<void> => {
  for (const title of ['Cleanup', 'Reconciliation']) {
    const panel = page.getByRole('region', { name: title, exact: true });
    await panel.getByRole('button', { name: 'Dry run' }).click();
    await panel.getByText(/Dry run: /u).waitFor();
  }
};

/** What pictures are taken of: while all is well, and once something is not. */
export const views = ({
  admin,
  user,
  newcomer,
}: World): { calm: readonly View[]; troubled: readonly View[] } => ({
  calm: [
    { name: 'sign-in', path: '/', token: null },
    { name: 'first-visit', path: '/', token: newcomer },
    { name: 'overview', path: '/', token: admin },
    { name: 'overview-user', path: '/', token: user },
    { name: 'files', path: '/files', token: admin },
    { name: 'providers', path: '/providers', token: admin },
    { name: 'upkeep', path: '/upkeep', token: admin },
    { name: 'upkeep-dry-run', path: '/upkeep', token: admin, prepare: dryRun },
    { name: 'account', path: '/account', token: admin },
  ],
  troubled: [
    { name: 'overview-troubled', path: '/', token: admin },
    { name: 'files-troubled', path: '/files', token: admin },
    { name: 'providers-troubled', path: '/providers', token: admin },
  ],
});
