import { toDeletedFile } from '../api/deleted-file.ts';
import { toFileList } from '../api/file-list.ts';
import { type FileObject, toFileObject } from '../api/file-object.ts';
import { toQuotaObject } from '../api/quota-object.ts';
import { toUploadUrlObject } from '../api/upload-url-object.ts';
import { hasEnded } from '../core/file.ts';
import { cleanFilename } from '../core/filename.ts';
import { parseProvider, parseUploadOptions } from '../ingest/upload-options.ts';
import { requireMaster } from '../pipeline/master-copy.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { Content, Files } from './files.ts';

/** How often somebody who follows a file's deliveries is told of them. */
const LOOK_EVERY_MS = 500;
/** As over HTTP. */
const UPLOAD_URL_TTL_MS = 900_000;

export interface PipelineFilesOptions {
  readonly pipeline: Pipeline;
  readonly owner: string;
  /** The gateway's address as its client knows it, for upload URLs. */
  readonly baseUrl: string;
}

/** This gateway's files of one owner. Paths are those of the gateway's own disk, under its path policy. */
export const createPipelineFiles = ({ pipeline, owner, baseUrl }: PipelineFilesOptions): Files => {
  const find = async (id: string, waitMs: number, signal: AbortSignal): Promise<FileObject> => {
    const found = await pipeline.find(owner, id, { waitMs, signal });
    signal.throwIfAborted();
    return toFileObject(found, pipeline.retentionDays);
  };
  return {
    upload: async ({ path, provider, purpose, onProgress, signal }) => {
      const options = parseUploadOptions({ provider, purpose }, pipeline.providers);
      const upload = { path, options, idempotencyKey: null, onProgress, signal };
      return toFileObject(await pipeline.receivePath(owner, upload), pipeline.retentionDays);
    },
    settled: async (id, { waitMs, signal, onChange }) => {
      if (onChange === undefined) return find(id, waitMs, signal);
      const deadlineMs = performance.now() + waitMs;
      while (true) {
        const leftMs = deadlineMs - performance.now();
        const file = await find(id, Math.max(0, Math.min(LOOK_EVERY_MS, leftMs)), signal);
        onChange(file);
        if (leftMs <= LOOK_EVERY_MS || file.deliveries.every(({ status }) => hasEnded(status))) return file;
      }
    },
    createUploadUrl: async ({ filename, sizeBytes, provider }) => {
      const created = await pipeline.uploadUrls.create({
        owner,
        filename: cleanFilename(filename),
        mediaType: null,
        sizeBytes: sizeBytes ?? null,
        options: parseUploadOptions({ provider }, pipeline.providers),
        ttlMs: UPLOAD_URL_TTL_MS,
      });
      return toUploadUrlObject(created, baseUrl);
    },
    list: async ({ limit, after, q, provider: name, status }) => {
      const provider = name === undefined ? undefined : parseProvider(name, pipeline.providers);
      const page = await pipeline.list(owner, { limit, after, q, provider, status, order: 'desc' });
      return toFileList(page, pipeline.retentionDays);
    },
    content: async (id, { provider, start, signal }): Promise<Content> => {
      if (provider !== undefined) {
        const from = parseProvider(provider, pipeline.providers);
        const content = await pipeline.providerContent({ owner, fileId: id, from, signal });
        return { ...content, sizeBytes: null };
      }
      const { file } = await pipeline.find(owner, id);
      requireMaster(file);
      const { mediaType, sizeBytes, blobKey } = file;
      return { mediaType, sizeBytes, body: pipeline.bytes(blobKey, { start, end: sizeBytes, signal }) };
    },
    deliver: async (id, { provider: name, signal }) => {
      const provider = parseProvider(name, pipeline.providers);
      await pipeline.deliver({ owner, fileId: id, provider });
      return find(id, 0, signal);
    },
    delete: async (id, { signal }) => {
      await pipeline.delete(owner, id);
      return toDeletedFile(id, await pipeline.awaitRemoval(id, { waitMs: 0, signal }));
    },
    quota: async () => toQuotaObject(await pipeline.quota(owner)),
    textProviders: async () => pipeline.textProviders,
  };
};
