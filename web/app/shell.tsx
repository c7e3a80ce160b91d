import { useQuery } from '@tanstack/react-query';
import { LogOut } from 'lucide-react';
import type { ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { Mark } from '../ui/mark.tsx';
import { Notice } from '../ui/notice.tsx';
import { ConnectionState } from './connection-state.tsx';
import { useGateway } from './gateway.tsx';
import { keys } from './keys.ts';
import { pages } from './pages.ts';
import { loadSettings } from './settings.ts';
import styles from './shell.module.css';

/** What is around every page: the way to the others, who is signed in, and what holds for all of them. */
export const Shell = ({ children }: { children: ReactNode }): ReactNode => {
  const { session, signOut } = useGateway();
  const settings = useQuery({ queryKey: keys.settings, queryFn: loadSettings, staleTime: Infinity });
  return (
    <div className={styles.shell}>
      <button type="button" className={styles.skip} onClick={skipToMain}>
        Skip to the page
      </button>
      <header className={styles.side}>
        <p className={styles.brand}>
          <Mark /> Waybill
        </p>
        <Navigation isAdmin={session.isAdmin} />
        <div className={styles.who}>
          <span className={styles.owner} title={session.name}>
            {session.name || 'Signed in'}
          </span>
          <button type="button" className={styles.leave} onClick={() => signOut()} aria-label="Sign out">
            <LogOut size={16} aria-hidden="true" />
          </button>
        </div>
      </header>
      <main className={styles.main} id="main" tabIndex={-1}>
        <ConnectionState />
        {settings.data?.emulated === true && (
          <Notice tone="busy">
            No API key is set: Kimi and GLM are emulated on this machine, and nothing leaves it.
          </Notice>
        )}
        {children}
      </main>
    </div>
  );
};

const Navigation = ({ isAdmin }: { isAdmin: boolean }): ReactNode => {
  const [location] = useLocation();
  return (
    <nav className={styles.nav} aria-label="Pages">
      <ul>
        {pages
          .filter(({ isForAdmins }) => isAdmin || !isForAdmins)
          .map(({ path, name, icon: Icon }) => {
            const isHere = path === '/' ? location === '/' : location.startsWith(path);
            return (
              <li key={path}>
                <Link href={path} className={styles.link} aria-current={isHere ? 'page' : undefined}>
                  <Icon size={18} aria-hidden="true" />
                  <span>{name}</span>
                </Link>
              </li>
            );
          })}
      </ul>
    </nav>
  );
};

/** A link would change the part of the address that names the page. */
const skipToMain = (): void => document.getElementById('main')?.focus();
