import { openPathPolicy } from '../admission/path-policy.ts';
import { createContent } from '../ingest/content/content.ts';
import { createAccountRoom } from '../pipeline/account-room.ts';
import { createBackground } from '../pipeline/background.ts';
import { createCommits } from '../pipeline/commits.ts';
import type { Dependencies } from '../pipeline/dependencies.ts';
import { createFileChanges } from '../pipeline/file-changes.ts';
import { createGuards } from '../pipeline/guards.ts';
import { type Pipeline, startPipeline } from '../pipeline/pipeline.ts';
import { createQuotas } from '../pipeline/quotas.ts';
import { createReceptions } from '../pipeline/receptions.ts';
import type { Config } from '../platform/config.ts';
import type { Closing } from './closing.ts';
import type { Providers } from './providers.ts';

interface Ground
  extends Pick<
    Dependencies,
    'database' | 'jobs' | 'blobs' | 'installation' | 'stopping' | 'metrics' | 'tracing' | 'log'
  > {
  readonly providers: Providers;
  /** Where everything local is kept, which nobody may read by its path. */
  readonly dataDirectory: string;
  readonly closing: Closing;
}

/** How long a stop waits for deliveries; what is cut short goes on at the next start. */
const STOP_GRACE_MS = 10_000;

/** The use cases, with what they decide and work by, as it is configured. */
export const openPipeline = async (config: Config, ground: Ground): Promise<Pipeline> => {
  const { database, jobs, blobs, installation, stopping, metrics, tracing, closing, log } = ground;
  const providers = ground.providers.all;
  const background = createBackground(log);
  closing.add('deliveries', () => background.stop(STOP_GRACE_MS));
  const guards = createGuards();
  metrics.deliveries.watchBreakers(() =>
    [...providers.values()].map((provider) => [provider.id, guards.of(provider).state] as const),
  );
  const pipeline = await startPipeline({
    database,
    jobs,
    blobs,
    content: createContent({ allowedTypes: config.ALLOWED_TYPES, clamAvUrl: config.CLAMAV_URL }),
    changes: createFileChanges(),
    receptions: createReceptions(),
    guards,
    background,
    commits: createCommits({ database, jobs }),
    room: createAccountRoom(database, providers.values()),
    paths: await openPathPolicy({
      allowed: config.ALLOWED_PATHS ?? [],
      mappings: config.DRIVE_MAPPINGS ?? [],
      dataDirectory: ground.dataDirectory,
    }),
    quotas: createQuotas({
      database,
      installation,
      limits: { bytes: config.QUOTA_BYTES || null, files: config.QUOTA_FILES || null },
      onRefusal: (limit) => metrics.http.quotaRefused(limit),
    }),
    providers,
    maxFileBytes: config.MAX_FILE_BYTES,
    autoGlmAboveBytes: config.AUTO_GLM_ABOVE_BYTES,
    retry: { attempts: config.RETRY_ATTEMPTS, baseMs: config.RETRY_BASE_MS, maxMs: config.RETRY_MAX_MS },
    retention: {
      days: config.RETENTION_DAYS,
      cleanupCron: config.CLEANUP_CRON,
      reconcileCron: config.RECONCILE_CRON,
    },
    installation,
    stopping,
    metrics,
    tracing,
    log,
  });
  closing.add('uploads', () => pipeline.uploads.close());
  return pipeline;
};
