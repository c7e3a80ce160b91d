import { type ReactNode, Suspense, useEffect } from 'react';
import { Route, Switch, useLocation } from 'wouter';
import { EmptyState } from '../ui/empty-state.tsx';
import { Loading } from '../ui/loading.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { ErrorBoundary } from './error-boundary.tsx';
import { pages } from './pages.ts';

/** The page that the address names. */
export const PageOutlet = ({ isAdmin }: { isAdmin: boolean }): ReactNode => {
  const [location] = useLocation();
  return (
    <ErrorBoundary key={location.split('/')[1]}>
      <Suspense fallback={<Loading label="Loading the page" />}>
        <Switch>
          {pages
            .filter(({ isForAdmins }) => isAdmin || !isForAdmins)
            .map(({ path, name, component: Page }) => (
              <Route key={path} path={path === '/' ? '/' : `${path}/*?`}>
                <Page />
                <Arrival name={name} />
              </Route>
            ))}
          <Route>
            <PageHeader title="No such page" />
            <EmptyState
              title="There is nothing at this address"
              text="It may be mistyped, or it is for admins only."
            />
            <Arrival name="No such page" />
          </Route>
        </Switch>
      </Suspense>
    </ErrorBoundary>
  );
};

let hasArrivedBefore = false;

/**
 * Names the page in the title of the tab, and moves the focus to its heading, where a screen reader goes on reading. Not at
 * the first page, where the browser's own order is expected.
 */
const Arrival = ({ name }: { name: string }): ReactNode => {
  useEffect(() => {
    document.title = `${name} · Waybill`;
    if (hasArrivedBefore) {
      const heading = document.querySelector<HTMLElement>('#main h1');
      (heading ?? document.getElementById('main'))?.focus({ preventScroll: true });
      window.scrollTo(0, 0);
    }
    hasArrivedBefore = true;
  }, [name]);
  return null;
};
