import type {
  PassObject,
  ProviderObject,
  QuotaObject,
  StatisticsObject,
} from '../../../src/client/browser.ts';
import { fullnessOf } from '../../format/provider-health.ts';
import { providerName } from '../../format/providers.ts';
import { formatCount, formatShare } from '../../format/quantities.ts';
import { formatAgo, formatExactly } from '../../format/times.ts';

/** Something that does not go away by itself, or that somebody should know of. */
export interface Problem {
  readonly tone: 'bad' | 'busy';
  readonly text: string;
  /** The page where something can be done, after the `#`. */
  readonly path: string | null;
  readonly action: string | null;
}

/** What is known so far; null: not yet, or not to this user. */
export interface Known {
  readonly isAdmin: boolean;
  readonly providers: readonly ProviderObject[] | null;
  readonly quota: QuotaObject | null;
  readonly statistics: StatisticsObject | null;
  /** The latest in front. */
  readonly passes: readonly PassObject[] | null;
  /** The user's own files that no provider has taken. */
  readonly undelivered: number | null;
  /** Unix seconds. */
  readonly graceUntil: number | null;
  readonly expiresAt: number | null;
}

const NEAR = 0.9;
const LOW_SPACE = 0.1;
const HOUR_SECONDS = 3_600;
/** Cleanups come daily unless CLEANUP_CRON says otherwise; twice that is no longer a matter of the hour. */
const CLEANUP_OVERDUE_SECONDS = 50 * HOUR_SECONDS;

export const findProblems = (known: Known, nowSeconds = Date.now() / 1_000): readonly Problem[] => [
  ...(known.providers ?? []).flatMap((provider) => ofProvider(provider, known.isAdmin)),
  ...ofFiles(known),
  ...ofPasses(known.passes ?? [], nowSeconds),
  ...ofStorage(known.statistics),
  ...ofQuota(known.quota),
  ...ofAccess(known, nowSeconds),
];

const ofProvider = (provider: ProviderObject, isAdmin: boolean): readonly Problem[] => {
  const name = providerName(provider.id);
  const fullness = fullnessOf(provider);
  const where = { path: '/providers', action: 'See providers' };
  return [
    ...(provider.breaker === 'closed'
      ? []
      : [
          {
            tone: 'bad' as const,
            text: `${name} keeps failing. Deliveries to it wait until it is back.`,
            ...where,
          },
        ]),
    ...(!isAdmin || fullness === null || fullness < NEAR
      ? []
      : [
          {
            tone: 'busy' as const,
            text: `${name} is ${formatShare(fullness)} full. Copies that were used least recently make room.`,
            ...where,
          },
        ]),
  ];
};

const ofFiles = ({ undelivered }: Known): readonly Problem[] => {
  if (undelivered === null || undelivered === 0) return [];
  const files =
    undelivered === 1 ? 'One of your files was' : `${formatCount(undelivered)} of your files were`;
  return [{ tone: 'bad', text: `${files} not taken by any provider.`, path: '/files', action: 'See files' }];
};

const ofPasses = (passes: readonly PassObject[], now: number): readonly Problem[] =>
  (['cleanup', 'reconcile'] as const).flatMap((kind): readonly Problem[] => {
    const name = kind === 'cleanup' ? 'cleanup' : 'reconciliation';
    const last = passes.find((pass) => pass.kind === kind && !pass.dry_run && pass.status !== 'running');
    const where = { path: '/upkeep', action: 'See upkeep' };
    if (last === undefined) return [];
    if (last.status === 'stopped' || last.status === 'failed')
      return [
        {
          tone: 'bad',
          text: `The last ${name} ${last.status === 'stopped' ? 'stopped itself' : 'failed'}: ${last.message ?? ''}`,
          ...where,
        },
      ];
    if (kind === 'cleanup' && now - last.started_at > CLEANUP_OVERDUE_SECONDS)
      return [{ tone: 'busy', text: `The last cleanup was ${formatAgo(last.started_at)}.`, ...where }];
    return [];
  });

const ofStorage = (statistics: StatisticsObject | null): readonly Problem[] => {
  if (statistics === null || statistics.now.storage_free_bytes === null) return [];
  const { storage_bytes, storage_free_bytes } = statistics.now;
  const share = storage_free_bytes / (storage_bytes + storage_free_bytes);
  if (share >= LOW_SPACE) return [];
  return [
    {
      tone: 'bad',
      text: `Storage is ${formatShare(1 - share)} full.`,
      path: '/upkeep',
      action: 'See upkeep',
    },
  ];
};

const ofQuota = (quota: QuotaObject | null): readonly Problem[] =>
  quota === null
    ? []
    : [quota.bytes, quota.files].flatMap(({ limit, used, reserved }, index): readonly Problem[] => {
        if (limit === null || limit === 0 || (used + reserved) / limit < NEAR) return [];
        const what = index === 0 ? 'bytes' : 'files';
        const text = `You use ${formatShare((used + reserved) / limit)} of the ${what} that you may keep.`;
        return [{ tone: 'busy', text, path: '/account', action: 'See account' }];
      });

const ofAccess = ({ graceUntil, expiresAt }: Known, now: number): readonly Problem[] => [
  ...(graceUntil === null || graceUntil < now
    ? []
    : [
        {
          tone: 'busy' as const,
          text: `Requests without a token are let in until ${formatExactly(graceUntil)}.`,
          path: null,
          action: null,
        },
      ]),
  ...(expiresAt === null || expiresAt - now > HOUR_SECONDS
    ? []
    : [
        {
          tone: 'busy' as const,
          text: `Your token ends ${formatAgo(expiresAt)}.`,
          path: '/account',
          action: 'See account',
        },
      ]),
];
