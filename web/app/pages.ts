import { Activity, FileText, type LucideIcon, Plug, UserRound, Wrench } from 'lucide-react';
import { type ComponentType, type LazyExoticComponent, lazy } from 'react';

export interface Page {
  /** After the `#` of the address. */
  readonly path: string;
  readonly name: string;
  readonly icon: LucideIcon;
  readonly isForAdmins: boolean;
  readonly component: LazyExoticComponent<ComponentType>;
}

const page = <Name extends string>(
  facts: Omit<Page, 'component'>,
  name: Name,
  load: () => Promise<Record<Name, ComponentType>>,
): Page => ({ ...facts, component: lazy(async () => ({ default: (await load())[name] })) });

/** In the order of the navigation; the first is where a visitor arrives. */
export const pages: readonly Page[] = [
  page(
    { path: '/', name: 'Overview', icon: Activity, isForAdmins: false },
    'OverviewPage',
    () => import('../pages/overview/overview-page.tsx'),
  ),
  page(
    { path: '/files', name: 'Files', icon: FileText, isForAdmins: false },
    'FilesPage',
    () => import('../pages/files/files-page.tsx'),
  ),
  page(
    { path: '/providers', name: 'Providers', icon: Plug, isForAdmins: false },
    'ProvidersPage',
    () => import('../pages/providers/providers-page.tsx'),
  ),
  page(
    { path: '/upkeep', name: 'Upkeep', icon: Wrench, isForAdmins: true },
    'UpkeepPage',
    () => import('../pages/upkeep/upkeep-page.tsx'),
  ),
  page(
    { path: '/account', name: 'Account', icon: UserRound, isForAdmins: false },
    'AccountPage',
    () => import('../pages/account/account-page.tsx'),
  ),
];
