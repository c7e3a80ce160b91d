import { GatewayError } from '../core/errors.ts';
import type { FileWithDeliveries } from '../core/file.ts';
import type { Incoming } from '../core/incoming.ts';
import type { ProviderContent, ProviderId } from '../core/provider.ts';
import { traced } from '../platform/tracing.ts';
import { type FilePage, type FileQuery, findFile, listFiles } from '../tracking/files.ts';
import { type Quota, setQuotaLimits } from '../tracking/quotas.ts';
import { awaitDeliveries, awaitReceived } from './await-deliveries.ts';
import { type DeliverFile, deliverFile } from './deliver-file.ts';
import type { Dependencies } from './dependencies.ts';
import { describeProviders, type ProviderDescription } from './describe-providers.ts';
import { createFileFeed } from './file-feed.ts';
import { deliverJob, evictJob, retireJob, settleJob, tidyJob } from './job-kinds.ts';
import { readMaster } from './master-copy.ts';
import { openPasses, type Passes } from './passes.ts';
import { tendReservations } from './quotas.ts';
import { readProviderContent } from './read-content.ts';
import { receiveFile } from './receive-file.ts';
import { type KnownFile, receiveKnown } from './receive-known.ts';
import { type PathUpload, receivePath } from './receive-path.ts';
import type { Received } from './reception.ts';
import { recover } from './recover.ts';
import { awaitRemoval, deleteFile, retireFile } from './retire-file.ts';
import { runDelivery } from './run-delivery.ts';
import { settleProcessing } from './settle-processing.ts';
import { takeOverAbandoned } from './take-over.ts';
import { finishEviction, tidyDelivery } from './tidy-delivery.ts';
import { openUploadUrls, type UploadUrls } from './upload-urls.ts';
import { createUploads, type Uploads } from './uploads.ts';
import type { CopyRequest } from './usable-copy.ts';
import type { Wait } from './watch-file.ts';
import { type WatchedFiles, type WatchFiles, watchFiles } from './watch-files.ts';

/**
 * The use cases, the one door that every surface goes through. Each takes the owner on whose behalf it acts;
 * another owner's file is `not_found`. All reject with `GatewayError` for what the caller can understand.
 */
export interface Pipeline {
  /** Which providers can be asked for. */
  readonly providers: readonly ProviderId[];
  /** Those of them that give back the text they extract. */
  readonly textProviders: readonly ProviderId[];
  readonly maxFileBytes: number;
  /** How long files without an expiry of their own are kept; 0: for ever. */
  readonly retentionDays: number;
  receive(owner: string, incoming: Incoming): Promise<Received>;
  /** Files that come in over several requests. To be closed once no request is being answered any more. */
  readonly uploads: Uploads;
  /** Runs over the whole record, for those who administer the gateway. */
  readonly passes: Passes;
  /** Addresses that take one file each without a token. */
  readonly uploadUrls: UploadUrls;
  /** The file, once its deliveries have ended or the wait is over. */
  find(owner: string, fileId: string, wait?: Wait): Promise<FileWithDeliveries>;
  /** Takes a file in whose bytes the owner has here already; `not_found` when that is not so. */
  receiveKnown(known: KnownFile): Promise<Received>;
  /** Takes a file in from the gateway's own disk, where its owner may name paths. */
  receivePath(owner: string, upload: PathUpload): Promise<Received>;
  /** The file that has just been received, once its deliveries have ended or the wait is over. */
  outcome(received: Received, wait: Wait): Promise<FileWithDeliveries>;
  list(owner: string, query: FileQuery): Promise<FilePage>;
  deliver(request: DeliverFile): Promise<void>;
  /** Bytes `[start, end)` of the master copy. */
  bytes(
    blobKey: string,
    range: { start: number; end: number; signal?: AbortSignal | undefined },
  ): AsyncIterable<Buffer>;
  providerContent(request: CopyRequest): Promise<ProviderContent>;
  delete(owner: string, fileId: string): Promise<void>;
  /** Whether the deleted file is gone at every provider by the end of the wait. */
  awaitRemoval(fileId: string, wait: Wait): Promise<boolean>;
  /** What happens to the owner's files from now on, or since a cursor. Resolves once nothing is missed any more. */
  watch(request: WatchFiles): Promise<WatchedFiles>;
  /** What an owner may keep and keeps. */
  quota(owner: string): Promise<Quota>;
  /** Changes what an owner may keep: null for what everybody may, 0 for no limit. What is kept already stays. */
  setQuota(owner: string, limits: QuotaChange): Promise<Quota>;
  describeProviders(): Promise<readonly ProviderDescription[]>;
  /** Resolves when the record can be read. */
  check(): Promise<void>;
}

/** A limit that is left out stays as it is. */
interface QuotaChange {
  readonly bytes?: number | null | undefined;
  readonly files?: number | null | undefined;
}

const SMALL_CONCURRENCY = 2;

/** Recovers what a crash cut short, starts the workers, and opens the door. */
export const startPipeline = async (dependencies: Dependencies): Promise<Pipeline> => {
  const { database, jobs, providers, quotas, tracing } = dependencies;
  await recover(dependencies);
  takeOverAbandoned(dependencies);
  tendReservations(dependencies);
  for (const provider of providers.values()) {
    const { id, capabilities } = provider;
    await jobs.work(deliverJob(id), capabilities.concurrency, ({ deliveryId }, signal) =>
      runDelivery(dependencies, provider, deliveryId, signal),
    );
  }
  await jobs.work(settleJob, SMALL_CONCURRENCY, ({ deliveryId }, signal) =>
    settleProcessing(dependencies, deliveryId, signal),
  );
  await jobs.work(tidyJob, 1, ({ deliveryId }, signal) => tidyDelivery(dependencies, deliveryId, signal));
  await jobs.work(evictJob, 1, ({ deliveryId }, signal) => finishEviction(dependencies, deliveryId, signal));
  await jobs.work(retireJob, SMALL_CONCURRENCY, ({ fileId }, signal) =>
    retireFile(dependencies, fileId, signal),
  );

  const uploads = createUploads(dependencies);
  const passes = await openPasses(dependencies, uploads);
  const feed = createFileFeed(dependencies);
  return {
    providers: [...providers.keys()],
    textProviders: [...providers.values()].flatMap(({ id, capabilities }) =>
      capabilities.content === 'extracted-text' ? id : [],
    ),
    maxFileBytes: dependencies.maxFileBytes,
    retentionDays: dependencies.retention?.days ?? 0,
    receive: (owner, incoming) =>
      traced(tracing, ['receive', { via: incoming.via }], () => receiveFile(dependencies, owner, incoming)),
    uploads,
    passes,
    uploadUrls: await openUploadUrls(dependencies),
    receiveKnown: (known) =>
      traced(tracing, ['receive', { via: 'digest' }], () => receiveKnown(dependencies, known)),
    receivePath: (owner, upload) =>
      traced(tracing, ['receive', { via: 'path' }], () => receivePath(dependencies, owner, upload)),
    find: async (owner, fileId, wait = { waitMs: 0 }) =>
      orNotFound(await awaitDeliveries(dependencies, { owner, fileId }, wait), fileId),
    outcome: async (received, wait) =>
      orNotFound(await awaitReceived(dependencies, received, wait), received.file.id),
    list: (owner, query) => listFiles(database, owner, query),
    deliver: (request) => deliverFile(dependencies, request),
    bytes: (blobKey, range) => readMaster(dependencies, blobKey, range),
    providerContent: (request) => readProviderContent(dependencies, request),
    delete: (owner, fileId) => deleteFile(dependencies, owner, fileId),
    awaitRemoval: (fileId, wait) => awaitRemoval(dependencies, fileId, wait),
    watch: (request) => watchFiles(dependencies, feed, request),
    quota: (owner) => quotas.find(owner),
    setQuota: async (owner, limits) => {
      await setQuotaLimits(database, owner, limits);
      return quotas.find(owner);
    },
    describeProviders: () => describeProviders(dependencies),
    check: async () => {
      await findFile(database, '', '');
    },
  };
};

const orNotFound = (found: FileWithDeliveries | null, fileId: string): FileWithDeliveries => {
  if (found === null) throw new GatewayError('not_found', `There is no file ${fileId}.`, { param: 'id' });
  return found;
};
