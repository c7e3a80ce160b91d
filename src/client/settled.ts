import type { EventObject } from '../api/event-object.ts';
import type { FileObject } from '../api/file-object.ts';
import { hasEnded } from '../core/file.ts';
import { ClientError } from './client-error.ts';
import { pause } from './pause.ts';

export interface Settling {
  /** Called with the file as first seen, and whenever it or one of its deliveries has changed. */
  readonly onChange?: (file: FileObject) => void;
  /** Listens to the gateway's events besides, where it has them, and so tells of changes at once. */
  readonly isListening?: boolean;
  /** Called before each wait that the gateway asks for, with why. */
  readonly onWait?: ((waitMs: number, why: ClientError) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const FIRST_POLL_MS = 100;
/** Slow enough for a wait of hours, quick enough for somebody who watches. */
const LONGEST_POLL_MS = 1_000;
const SLOWING = 1.5;
/** Should events stop coming unnoticed, as behind a proxy that keeps them back. */
const POLL_BESIDE_EVENTS_MS = 10_000;
/** A gateway that is started again meanwhile is back by then. */
const TOLERATED_ABSENCE_MS = 30_000;

interface Followed {
  readonly id: string;
  readonly retrieve: (signal: AbortSignal | undefined) => Promise<FileObject>;
  readonly events: (signal: AbortSignal) => AsyncIterable<EventObject>;
}

/**
 * Follows a file until each of its deliveries has ended, which may take as long as they are retried: 24 hours. Asks
 * again and again, seldom once events have shown that they come, and bears with a gateway that is away for a moment.
 * Rejects with `ClientError` or the signal's reason.
 */
export const settled = async (
  { id, retrieve, events }: Followed,
  { onChange, isListening = false, signal }: Settling,
): Promise<FileObject> => {
  let shown = '';
  let pollMs = FIRST_POLL_MS;
  let lastAnswerAt = performance.now();
  const show = (file: FileObject): { isNew: boolean; hasSettled: boolean } => {
    const seen = JSON.stringify(file);
    const isNew = seen !== shown;
    if (isNew) onChange?.(file);
    shown = seen;
    return { isNew, hasSettled: file.deliveries.every(({ status }) => hasEnded(status)) };
  };
  const ended = new AbortController();
  const news = createNews(id, isListening ? events(ended.signal) : undefined);
  try {
    for (;;) {
      try {
        const file = await retrieve(signal);
        lastAnswerAt = performance.now();
        const { isNew, hasSettled } = show(file);
        if (hasSettled) return file;
        pollMs = isNew ? FIRST_POLL_MS : Math.min(pollMs * SLOWING, LONGEST_POLL_MS);
      } catch (error) {
        if (!isAbsence(error) || performance.now() - lastAnswerAt > TOLERATED_ABSENCE_MS) throw error;
        pollMs = LONGEST_POLL_MS;
      }
      const waitMs = news.isComing() ? POLL_BESIDE_EVENTS_MS : pollMs;
      const told = await news.until(waitMs, signal, (file) => show(file).hasSettled);
      if (told !== null) return told;
    }
  } finally {
    ended.abort();
  }
};

interface News {
  /** Whether events have come, and may be relied on. */
  isComing(): boolean;
  /** Hands on what comes for so long, and answers early with a file that `isEnough`; rejects with the signal's reason. */
  until(
    ms: number,
    signal: AbortSignal | undefined,
    isEnough: (file: FileObject) => boolean,
  ): Promise<FileObject | null>;
}

/** Events that fail are done without. */
const createNews = (id: string, events: AsyncIterable<EventObject> | undefined): News => {
  const iterator = events?.[Symbol.asyncIterator]();
  let isComing = false;
  const next = (): Promise<FileObject | null> =>
    iterator === undefined
      ? new Promise(() => undefined)
      : iterator.next().then(
          ({ done, value }) => {
            isComing = done !== true;
            if (done) return new Promise(() => undefined);
            return value.type === 'file.updated' && value.data.id === id ? value.data : null;
          },
          () => {
            isComing = false;
            return new Promise(() => undefined);
          },
        );
  let coming: Promise<FileObject | null> | null = null;
  return {
    isComing: () => isComing,
    until: async (ms, signal, isEnough) => {
      const ended = new AbortController();
      const any = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]);
      const over = pause(ms, any).then(() => 'over' as const);
      over.catch(() => undefined);
      try {
        for (;;) {
          coming ??= next();
          const told = await Promise.race([coming, over]);
          if (told === 'over') return null;
          coming = null;
          if (told !== null && isEnough(told)) return told;
        }
      } catch (error) {
        throw signal?.aborted ? signal.reason : error;
      } finally {
        ended.abort();
      }
    },
  };
};

const ABSENCES: ReadonlySet<string> = new Set(['gateway_unreachable', 'connection_lost', 'unavailable']);
const isAbsence = (error: unknown): boolean => error instanceof ClientError && ABSENCES.has(error.code);
