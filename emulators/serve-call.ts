import { rm } from 'node:fs/promises';
import { type Answer, type Exchange, sendAnswer } from './answer.ts';
import type { Call, Dialect, Outcome, Route } from './dialect.ts';
import { type FaultPlan, planFault } from './fault-plans.ts';
import { type FaultQueue, isUploadStep, type Operation } from './faults.ts';
import type { FileShelf } from './file-shelf.ts';
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
  const route =
    dialect.route === undefined
      ? matchRoute(dialect, exchange.request.method ?? '', url.pathname)
      : dialect.route(exchange.request, url);
  const call: Call = { request: exchange.request, url, id: route?.id ?? null };
  exchange.record.fileId = call.id;
  if (route === null) {
    await discardBody(bodyReading(exchange, {}));
    return sendAnswer(exchange, dialect.unknownRoute(call));
  }
  const { operation } = route;
  await dropExpired(shelf);
  const fault = queue.take(operation) ?? (operation === 'finalize' ? queue.take('upload') : null);
  const plan = fault === null ? {} : planFault(fault, { call, operation, dialect, shelf, queue });
  if (plan.takeOver !== undefined) return plan.takeOver(exchange);

  const { answer, stored } = await perform(provider, { exchange, call, operation, plan });
  const isCarriedOut = plan.instead === undefined && answer.status < 300;
  const edited = isCarriedOut && plan.edit !== undefined ? await plan.edit(answer, stored) : answer;
  await (plan.deliver ?? sendAnswer)(exchange, edited);
};

const dropExpired = async (shelf: FileShelf): Promise<void> => {
  const now = Date.now() / 1_000;
  for (const { id, expiresAt = Number.POSITIVE_INFINITY } of shelf.files()) {
    if (expiresAt <= now) await shelf.remove(id, 'expiry');
  }
};

interface Task {
  readonly exchange: Exchange;
  readonly call: Call;
  readonly operation: Operation;
  readonly plan: FaultPlan;
}

const perform = async (provider: Provider, task: Task): Promise<Outcome> => {
  const { dialect, shelf } = provider;
  const { call, operation, plan, exchange } = task;
  const early =
    plan.instead ?? (dialect.offers(operation) ? dialect.authorize(call) : dialect.unknownRoute(call));
  if (operation === 'upload' && early === null) return upload(provider, task);
  if (dialect.step !== undefined && isUploadStep(operation) && early === null) {
    const body = bodyReading(exchange, plan);
    const done = await dialect.step({ call, operation, shelf, body, skewSeconds: plan.skewSeconds ?? 0 });
    exchange.record.fileId = done.stored?.id ?? null;
    return done;
  }
  await discardBody(bodyReading(exchange, plan));
  if (early !== null) return { answer: early, stored: null };
  if (operation === 'list') return { answer: list(provider, task), stored: null };

  const stored = shelf.find(call.id ?? '');
  if (stored === null) return { answer: dialect.missing(call, shelf), stored };
  if (operation === 'retrieve') return { answer: dialect.retrieved(stored, call), stored };
  if (operation === 'content') {
    return { answer: await dialect.content(call, stored, shelf.pathOf(stored)), stored };
  }
  const isRemoved = await shelf.remove(stored.id, 'client');
  return { answer: isRemoved ? dialect.deleted(stored.id, true) : dialect.missing(call, shelf), stored };
};

const upload = async ({ dialect, shelf }: Provider, { exchange, call, plan }: Task): Promise<Outcome> => {
  const path = shelf.incomingPath();
  const received = await readUpload(bodyReading(exchange, plan), {
    path,
    capBytes: dialect.capBytes,
    keepPath: dialect.seesPaths ?? false,
  });
  if (received.kind === 'unreadable') {
    return { answer: dialect.unreadable(call, received.reason), stored: null };
  }
  const verdict = dialect.examine(call, received, shelf);
  if ('refusal' in verdict) {
    await rm(path, { force: true });
    return { answer: verdict.refusal, stored: null };
  }
  if ('existing' in verdict) {
    await rm(path, { force: true });
    exchange.record.fileId = verdict.existing.id;
    return { answer: dialect.uploaded(verdict.existing, call), stored: verdict.existing };
  }
  const { filename, bytes, sha256, mediaType } = verdict.file;
  const createdAt = Math.floor(Date.now() / 1_000) + (plan.skewSeconds ?? 0);
  const stored = await shelf.keep(path, {
    id: dialect.newId(),
    filename,
    bytes,
    sha256,
    purpose: verdict.purpose,
    createdAt,
    ...(verdict.expiresInSeconds === undefined ? {} : { expiresAt: createdAt + verdict.expiresInSeconds }),
    mediaType,
    problem: verdict.problem,
  });
  exchange.record.fileId = stored.id;
  return { answer: dialect.uploaded(stored, call), stored };
};

const list = ({ dialect, shelf }: Provider, { call, plan }: Task): Answer => {
  const files = plan.listFiles?.(shelf.files()) ?? shelf.files();
  const url = new URL(call.url);
  const { cursors = ['after'] } = dialect.shape ?? {};
  if (plan.ignoreCursor) for (const name of cursors) url.searchParams.delete(name);
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

/** What a request to OpenAI's paths of files asks for; null where it fits none. */
export const matchRoute = (
  { basePath, contentLeaves = ['content'] }: Pick<Dialect, 'basePath' | 'contentLeaves'>,
  method: string,
  pathname: string,
): Route | null => {
  const path = pathname.startsWith(`${basePath}/`) ? pathname.slice(basePath.length) : '';
  const [, root, id, leaf, ...more] = path.split('/');
  if (root !== 'files' || more.length > 0) return null;
  if (id === undefined) {
    const operation = COLLECTION[method];
    return operation === undefined ? null : { operation, id: null };
  }
  if (leaf !== undefined && (!contentLeaves.includes(leaf) || method !== 'GET')) return null;
  const operation = leaf === undefined ? ITEM[method] : 'content';
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
