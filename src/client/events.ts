import type { EventObject } from '../api/event-object.ts';
import type { Caller } from './caller.ts';
import { ClientError } from './client-error.ts';
import { pause } from './pause.ts';
import { isFileObject, isFileProgress, isFileReference } from './recognise.ts';
import { parseServerSentEvents, type ServerSentEvent } from './server-sent-events.ts';

export interface EventQuery {
  /** The `id` of an event: begin with the present state of every file that has changed since. */
  readonly since?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told each time that a connection stands, and each time that one is lost or cannot be made. */
  readonly onConnection?: ((isConnected: boolean) => void) | undefined;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
/** Many clients that lost the same gateway do not come back in the same moment. */
const JITTER = 0.5;

/** Follows the gateway's events over as many connections as it takes. Events of a kind that is not known are passed over. */
export async function* events(
  caller: Caller,
  { since, signal, onConnection }: EventQuery,
): AsyncGenerator<EventObject> {
  let lastId = since;
  let pauseMs = FIRST_PAUSE_MS;
  while (signal?.aborted !== true) {
    let atLeastMs = 0;
    try {
      for await (const message of connect(caller, { since: lastId, signal, onConnection })) {
        pauseMs = FIRST_PAUSE_MS;
        const event = toEvent(message, lastId ?? '');
        // Only when the reader comes back for more is this one surely seen.
        if (event !== null) yield event;
        lastId = message.id ?? lastId;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (caller.isClosed() || !isPassing(error))
        throw error instanceof ClientError ? error : notEvents(error);
      atLeastMs = error.retryAfterMs ?? 0;
    }
    onConnection?.(false);
    const jitteredMs = pauseMs * (1 - JITTER * Math.random());
    await pause(Math.max(jitteredMs, atLeastMs), signal).catch(() => undefined);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

async function* connect(
  caller: Caller,
  { since, signal, onConnection }: EventQuery,
): AsyncGenerator<ServerSentEvent> {
  const resuming = since === undefined ? {} : { 'last-event-id': since };
  const { header, body } = await caller.stream({
    method: 'GET',
    path: '/v1/events',
    headers: { accept: 'text/event-stream', ...resuming },
    signal,
  });
  if (header('content-type')?.startsWith('text/event-stream') !== true) {
    await body[Symbol.asyncIterator]().return?.();
    throw notEvents(null);
  }
  onConnection?.(true);
  yield* parseServerSentEvents(body);
}

const notEvents = (cause: unknown): ClientError => {
  const message =
    'What answers does not send events as Waybill does; check the address, and any proxy in front of it.';
  return new ClientError('unexpected_answer', message, { cause });
};

const toEvent = ({ id, type, data }: ServerSentEvent, lastId: string): EventObject | null => {
  if (data === null) return null;
  const json: unknown = JSON.parse(data);
  const known = { id: id ?? lastId };
  if (type === 'file.progress' && isFileProgress(json)) return { ...known, type, data: json };
  if (type === 'file.updated' && isFileObject(json)) return { ...known, type, data: json };
  if ((type === 'file.deleted' || type === 'file.aborted') && isFileReference(json))
    return { ...known, type, data: json };
  return null;
};

const CONNECTION: ReadonlySet<string> = new Set(['gateway_unreachable', 'connection_lost']);

/** Whether connecting again may help: not when the gateway refuses. */
const isPassing = (error: unknown): error is ClientError => {
  if (!(error instanceof ClientError)) return false;
  if (error.httpStatus === null) return CONNECTION.has(error.code);
  return error.httpStatus === 429 || (error.httpStatus >= 500 && error.code !== 'unexpected_answer');
};
