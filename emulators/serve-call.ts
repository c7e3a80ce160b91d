import { rm } from 'node:fs/promises';
import { type Answer, type Exchange, sendAnswer } from './answer.ts';
import type { Call, Dialect } from './dialect.ts';
import { type FaultPlan, planFault } from './fault-plans.ts';
import type { FaultQueue, Operation } from './faults.ts';
import type { FileShelf, StoredFile } from './file-shelf.ts';
import { type BodyReading, discardBody, readUpload } from './read-upload.ts';

/** What one emulated provider consists of. */
export interface Provider {
  readonly dialect: Dialect;
  readonly shelf: FileShelf;
  readonly queue: FaultQueue;
}

/**
 * Answers one request to the emulated API, with the fault queued for it if there is one. As at the real providers a
 * refusal that needs none of the body still waits for its end. Rejects when the connection ends first.
 */
export const serveCall = async (provider: Provider, exchange: Exchange, url: URL): Promise<void> => {
  const { dialect, shelf, queue } = provider;
  const route = matchRoute(dialect.basePath, exchange.request.method ?? '', url.pathname);
  const call: Call = { request: exchange.request, url, id: route?.id ?? null };
  exchange.record.fileId = call.id;
  if (route === null) {
    await discardBody(bodyReading(exchange, {}));
    return sendAnswer(exchange, dialect.unknownRoute(call));
  }
  const { operation } = route;
  const fault = queue.take(operation);
  const plan = fault === null ? {} : planFault(fault, { call, operation, dialect, shelf, queue });
  if (plan.takeOver !== undefined) return plan.takeOver(exchange);

  const { answer, stored } = await perform(provider, { exchange, call, operation, plan });
  const isCarriedOut = plan.instead === undefined && answer.status < 300;
  const edited = isCarriedOut && plan.edit !== undefined ? await plan.edit(answer, stored) : answer;
  await (plan.deliver ?? sendAnswer)(exchange, edited);
};

interface Task {
  readonly exchange: Exchange;
  readonly call: Call;
  readonly operation: Operation;
  readonly plan: FaultPlan;
}

interface Outcome {
  readonly answer: Answer;
  readonly stored: StoredFile | null;
}

const perform = async (provider: Provider, task: Task): Promise<Outcome> => {
  const { dialect, shelf } = provider;
  const { call, operation, plan, exchange } = task;
  const early =
    plan.instead ?? (dialect.offers(operation) ? dialect.authorize(call) : dialect.unknownRoute(call));
  if (operation === 'upload' && early === null) return upload(provider, task);
  await discardBody(bodyReading(exchange, plan));
  if (early !== null) return { answer: early, stored: null };
  if (operation === 'list') return { answer: list(provider, task), stored: null };

  const stored = shelf.find(call.id ?? '');
  if (stored === null) return { answer: dialect.missing(call), stored };
  if (operation === 'retrieve') return { answer: dialect.retrieved(stored), stored };
  if (operation === 'content') {
    return { answer: await dialect.content(call, stored, shelf.pathOf(stored)), stored };
  }
  const isRemoved = await shelf.remove(stored.id, 'client');
  return { answer: isRemoved ? dialect.deleted(stored.id, true) : dialect.missing(call), stored };
};

const upload = async ({ dialect, shelf }: Provider, { exchange, call, plan }: Task): Promise<Outcome> => {
  const path = shelf.incomingPath();
  const received = await readUpload(bodyReading(exchange, plan), { path, capBytes: dialect.capBytes });
  if (received.kind === 'unreadable') {
    return { answer: dialect.unreadable(call, received.reason), stored: null };
  }
  const verdict = dialect.examine(call, received, shelf);
  if ('refusal' in verdict) {
    await rm(path, { force: true });
    return { answer: verdict.refusal, stored: null };
  }
  const { filename, bytes, sha256, mediaType } = verdict.file;
  const stored = await shelf.keep(path, {
    id: dialect.newId(),
    filename,
    bytes,
    sha256,
    purpose: verdict.purpose,
    createdAt: Math.floor(Date.now() / 1_000) + (plan.skewSeconds ?? 0),
    mediaType,
    problem: verdict.problem,
  });
  exchange.record.fileId = stored.id;
  return { answer: dialect.uploaded(stored), stored };
};

const list = ({ dialect, shelf }: Provider, { call, plan }: Task): Answer => {
  const files = plan.listFiles?.(shelf.files()) ?? shelf.files();
  const url = new URL(call.url);
  if (plan.ignoreCursor) url.searchParams.delete('after');
  return dialect.listed({ ...call, url }, files, shelf);
};

const bodyReading = ({ request, response, record, signal }: Exchange, plan: FaultPlan): BodyReading => {
  if (request.headers.expect !== undefined && !response.headersSent) response.writeContinue();
  return {
    request,
    behaviour: plan.body ?? {},
    onBytes: (sizeBytes) => {
      record.bytesReceived += sizeBytes;
    },
    signal,
  };
};

interface Route {
  readonly operation: Operation;
  readonly id: string | null;
}

const matchRoute = (basePath: string, method: string, pathname: string): Route | null => {
  const path = pathname.startsWith(`${basePath}/`) ? pathname.slice(basePath.length) : '';
  const [, root, id, leaf, ...more] = path.split('/');
  if (root !== 'files' || more.length > 0) return null;
  if (id === undefined) {
    const operation = COLLECTION[method];
    return operation === undefined ? null : { operation, id: null };
  }
  if (leaf !== undefined && (leaf !== 'content' || method !== 'GET')) return null;
  const operation = leaf === 'content' ? 'content' : ITEM[method];
  return operation === undefined || id === '' ? null : { operation, id: decode(id) };
};

const COLLECTION: Readonly<Record<string, Operation>> = { POST: 'upload', GET: 'list' };
const ITEM: Readonly<Record<string, Operation>> = { GET: 'retrieve', DELETE: 'delete' };

const decode = (segment: string): string => {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
};
