import type { Kysely } from 'kysely';
import type { PathPolicy } from '../admission/path-policy.ts';
import type { BlobStore } from '../core/blob-store.ts';
import type { Provider, ProviderId } from '../core/provider.ts';
import type { RetryPolicy } from '../delivery/retry-delay.ts';
import type { Content } from '../ingest/content/content.ts';
import type { Jobs } from '../platform/jobs.ts';
import type { Logger } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Tables } from '../platform/tables.ts';
import type { Tracing } from '../platform/tracing.ts';
import type { AccountRoom } from './account-room.ts';
import type { Background } from './background.ts';
import type { Commits } from './commits.ts';
import type { FileChanges } from './file-changes.ts';
import type { Guards } from './guards.ts';
import type { Quotas } from './quotas.ts';
import type { Receptions } from './receptions.ts';

/** What the use cases work with. The composition root makes them and closes them. */
export interface Dependencies {
  readonly database: Kysely<Tables>;
  readonly jobs: Jobs;
  readonly blobs: BlobStore;
  /** Decides which content may enter. */
  readonly content: Content;
  readonly changes: FileChanges;
  readonly receptions: Receptions;
  readonly guards: Guards;
  readonly background: Background;
  readonly commits: Commits;
  readonly room: AccountRoom;
  readonly quotas: Quotas;
  readonly paths: PathPolicy;
  /** The providers that are on. */
  readonly providers: ReadonlyMap<ProviderId, Provider>;
  readonly maxFileBytes: number;
  readonly autoGlmAboveBytes: number;
  readonly retry: RetryPolicy;
  /** Default: files without an expiry are kept for ever, and passes run by hand only. */
  readonly retention?: RetentionPolicy;
  /** How long a provider's list may lag behind its uploads, in milliseconds; default `LIST_LAG_MS`. */
  readonly listLagMs?: number;
  /** When copies that surfaced late are looked for after a delivery, in milliseconds; default `TIDY_AFTER_MS`. */
  readonly tidyAfterMs?: readonly number[];
  /** Names this installation across restarts, so that it finds what its own crash cut short. */
  readonly installation: string;
  /** Aborts when the gateway is about to stop: waits end early with what is known. */
  readonly stopping: AbortSignal;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly log: Logger;
}

/** How long files are kept, and when passes run. */
export interface RetentionPolicy {
  /** For files without an expiry of their own; 0: for ever. */
  readonly days: number;
  /** Five fields as `cron` has them, in UTC. */
  readonly cleanupCron: string;
  readonly reconcileCron: string;
}

/** A few seconds more than any provider's list was seen to lag; what it does not show after that counts as absent. */
export const LIST_LAG_MS = 5_000;
