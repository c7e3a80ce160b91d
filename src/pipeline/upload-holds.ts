import { setTimeout as pause } from 'node:timers/promises';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { TrackedUpload } from '../core/upload.ts';
import {
  claimUpload,
  findWritten,
  recordSaved,
  releaseUpload,
  renewUpload,
  wantUpload,
} from '../tracking/upload-writers.ts';
import { findUpload, touchUpload } from '../tracking/uploads.ts';
import type { Dependencies } from './dependencies.ts';
import { newPlace } from './reception.ts';
import { locked, overtaken, type Turn } from './turns.ts';

/** An upload that one request has to itself, among the requests of all instances that share the blobs. */
export interface Hold {
  readonly upload: TrackedUpload;
  /**
   * To be called before anybody is told that so many bytes are durable, and last. Answers until when the upload is kept: for
   * longer if something has come. Rejects with `upload_locked` when another instance has taken it over: then nothing may be told.
   */
  confirm(savedBytes: number, news: { readonly hasCome: boolean }): Promise<Date>;
  /** What a failure means for the client: `upload_locked` when it is that another instance has taken over. */
  explain(error: unknown): Promise<unknown>;
  /** Whether it has been seen that another instance has it. */
  isLost(): boolean;
  /** To be called once, at the end. Never rejects. */
  end(): Promise<void>;
}

/** Lets one request at a time at an upload. */
export interface UploadHolds {
  /** For whoever has the upload's turn here. Null: the owner has no such upload. Rejects with `upload_locked`. */
  take(key: UploadName, turn: Turn): Promise<Hold | null>;
  /** An upload that rests at another instance, with what is durable of it. Null: it is to be opened here to know. */
  findElsewhere(key: UploadName): Promise<{ upload: TrackedUpload; savedBytes: number } | null>;
}

interface UploadName {
  readonly owner: string;
  readonly id: string;
}

/** How long an upload is kept after the last that came of it, in milliseconds. */
export const UPLOAD_TTL_MS = 86_400_000;
/** How long a request waits for an earlier one to end. */
export const WAIT_MS = 10_000;
/** An upload in many small parts does not need its row written for each. */
const TOUCH_AFTER_MS = 60_000;
/** How long a request that no longer shows itself keeps its upload: less than others wait for it. */
const LEASE_MS = 5_000;
/** How often a request shows itself, and looks whether somebody waits for it. */
const RENEW_MS = 500;
const POLL_MS = 100;

/** Where the blobs belong to one instance its own turns are enough. */
export const createUploadHolds = (dependencies: Dependencies): UploadHolds =>
  dependencies.blobs.shared === null ? holdAlone(dependencies) : holdAmongMany(dependencies);

const holdAlone = ({ database }: Dependencies): UploadHolds => ({
  take: async ({ owner, id }) => {
    const upload = await findUpload(database, owner, id);
    if (upload === null) return null;
    return {
      upload,
      confirm: async (_savedBytes, { hasCome }) => {
        if (!hasCome || !isToBeTouched(upload)) return upload.expiresAt;
        const later = await touchUpload(database, id, UPLOAD_TTL_MS);
        if (later === null) throw noUpload(id);
        return later;
      },
      explain: async (error) => error,
      isLost: () => false,
      end: async () => undefined,
    };
  },
  findElsewhere: async () => null,
});

const isToBeTouched = ({ expiresAt }: TrackedUpload): boolean =>
  expiresAt.getTime() - Date.now() <= UPLOAD_TTL_MS - TOUCH_AFTER_MS;

const holdAmongMany = (dependencies: Dependencies): UploadHolds => {
  const { database, installation, stopping } = dependencies;

  const claim = async (key: UploadName, turn: Turn): Promise<TrackedUpload | null> => {
    const deadlineMs = performance.now() + WAIT_MS;
    while (true) {
      const newKey = newPlace().blobKey;
      const upload = await claimUpload(database, { ...key, by: installation, leaseMs: LEASE_MS, newKey });
      if (upload !== null) return upload;
      const found = await findWritten(database, key);
      if (found === null) return null;
      if (performance.now() > deadlineMs) throw locked();
      turn.told.throwIfAborted();
      await wantUpload(database, found.upload);
      await pause(POLL_MS);
    }
  };

  return {
    take: async (key, turn) => {
      const upload = await claim(key, turn);
      return upload === null ? null : hold(dependencies, upload, turn);
    },
    findElsewhere: async (key) => {
      const deadlineMs = performance.now() + WAIT_MS;
      while (!stopping.aborted) {
        const found = await findWritten(database, key);
        if (found === null || found.writer === null || found.writer === installation) return null;
        const { upload, isBusy } = found;
        const savedBytes = upload.savedBytes ?? 0;
        const isOver = upload.expiresAt.getTime() <= Date.now() || savedBytes === upload.lengthBytes;
        if (!isBusy) return isOver ? null : { upload, savedBytes };
        if (performance.now() > deadlineMs) throw locked();
        await wantUpload(database, upload);
        await pause(POLL_MS);
      }
      return null;
    },
  };
};

const hold = ({ database, log }: Dependencies, upload: TrackedUpload, turn: Turn): Hold => {
  const { id, owner, blobKey } = upload;
  let isHeld = true;
  let isLost = false;
  let renewing: Promise<void> | null = null;

  const renew = async (): Promise<void> => {
    const state = await renewUpload(database, upload, LEASE_MS);
    if (state === null) isLost = true;
    if (state === null || state.isWanted) turn.tell(overtaken());
  };
  const renewal = setInterval(() => {
    // One that fails is made good by the next, or the lease runs out, which does no harm.
    renewing ??= renew()
      .catch(() => undefined)
      .finally(() => {
        renewing = null;
      });
  }, RENEW_MS);
  /** A renewal that is under way would come after the end. */
  const stopRenewing = async (): Promise<void> => {
    clearInterval(renewal);
    await renewing;
  };

  return {
    upload,
    confirm: async (savedBytes, { hasCome }) => {
      if (!hasCome && savedBytes === upload.savedBytes) return upload.expiresAt;
      await stopRenewing();
      const ttlMs = hasCome && isToBeTouched(upload) ? UPLOAD_TTL_MS : null;
      const keptUntil = await recordSaved(database, { id, blobKey, savedBytes, ttlMs });
      isHeld = false;
      isLost = keptUntil === null;
      if (keptUntil === null) throw overtaken();
      return keptUntil;
    },
    explain: async (error) => {
      if (toGatewayError(error).httpStatus < 500) return error;
      const found = await findWritten(database, { owner, id }).catch(() => undefined);
      if (found === undefined || found?.upload.blobKey === blobKey) return error;
      isLost = true;
      return overtaken();
    },
    isLost: () => isLost,
    end: async () => {
      await stopRenewing();
      if (!isHeld) return;
      await releaseUpload(database, upload).catch((error: unknown) =>
        log.warn({ event: 'upload_not_released', upload: id, err: error }),
      );
    },
  };
};

export const noUpload = (id: string): GatewayError =>
  new GatewayError('not_found', `There is no upload ${id}.`, { param: 'id' });
