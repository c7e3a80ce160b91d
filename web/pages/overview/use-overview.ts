import { useQuery } from '@tanstack/react-query';
import type {
  FileObject,
  ProviderObject,
  QuotaObject,
  StatisticsObject,
} from '../../../src/client/browser.ts';
import { useGateway } from '../../app/gateway.tsx';
import { keys } from '../../app/keys.ts';
import { loadSettings } from '../../app/settings.ts';
import { findProblems, type Problem } from './find-problems.ts';

export const ranges = [
  { value: '1h', name: '1 hour' },
  { value: '6h', name: '6 hours' },
  { value: '24h', name: '24 hours' },
] as const;
export type Range = (typeof ranges)[number]['value'];

export interface Overview {
  readonly files: readonly FileObject[] | undefined;
  readonly providers: readonly ProviderObject[] | undefined;
  readonly quota: QuotaObject | undefined;
  /** For admins only. */
  readonly statistics: StatisticsObject | undefined;
  readonly problems: readonly Problem[];
  /** What first went wrong in asking. */
  readonly error: unknown;
  readonly retry: () => void;
}

const LATEST = 6;
const MANY = 100;
const REFRESH_MS = 15_000;

/** All that the overview shows, kept current. */
export const useOverview = (range: Range): Overview => {
  const { waybill, session } = useGateway();
  const { isAdmin } = session;
  const latest = { limit: LATEST };
  const refused = { limit: MANY, status: 'error' } as const;
  const files = useQuery({ queryKey: keys.list(latest), queryFn: () => waybill.files.list(latest) });
  const failed = useQuery({ queryKey: keys.list(refused), queryFn: () => waybill.files.list(refused) });
  const providers = useQuery({
    queryKey: keys.providers,
    queryFn: () => waybill.providers(),
    refetchInterval: REFRESH_MS,
  });
  const quota = useQuery({ queryKey: keys.quota, queryFn: () => waybill.quota() });
  const settings = useQuery({ queryKey: keys.settings, queryFn: loadSettings, staleTime: Infinity });
  const statistics = useQuery({
    queryKey: keys.statistics(range),
    queryFn: () => waybill.statistics({ range }),
    refetchInterval: REFRESH_MS,
    // The figures of one range stay until those of the next are there.
    placeholderData: (before) => before,
    enabled: isAdmin,
  });
  const passes = useQuery({ queryKey: keys.passes, queryFn: () => waybill.passes.list(), enabled: isAdmin });
  const asked = [files, providers, quota, statistics];
  return {
    files: files.data?.data,
    providers: providers.data,
    quota: quota.data,
    statistics: statistics.data,
    problems: findProblems({
      isAdmin,
      providers: providers.data ?? null,
      quota: quota.data ?? null,
      statistics: statistics.data ?? null,
      passes: passes.data?.data ?? null,
      undelivered: failed.data?.data.length ?? null,
      graceUntil: settings.data?.grace_until ?? null,
      expiresAt: session.isRenewed ? null : session.expiresAt,
    }),
    error: asked.find(({ error }) => error !== null)?.error ?? null,
    retry: () => {
      for (const one of asked) if (one.error !== null) void one.refetch();
    },
  };
};
