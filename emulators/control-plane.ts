import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { json } from 'node:stream/consumers';
import { type Answer, type Exchange, jsonAnswer, sendAnswer } from './answer.ts';
import type { RequestLog } from './request-log.ts';
import type { Provider } from './serve-call.ts';
import { fallbacks, isRecord, readSettings, requiredText, UnusableSetting, wholeNumber } from './settings.ts';

/** Path under which an emulator is watched and steered. */
export const CONTROL_PATH = '/__emulator';

/**
 * Answers a request to the control plane: JSON, without a key, since the server listens on loopback only. An
 * `UnusableSetting` becomes a 400 `{error: {message}}` that names it.
 */
export const serveControl = async (
  provider: Provider,
  log: RequestLog,
  { exchange, url }: { exchange: Exchange; url: URL },
): Promise<void> => {
  const answer = await control(provider, log, { exchange, url }).catch((error: unknown): Answer => {
    if (error instanceof UnusableSetting) return jsonAnswer(400, { error: { message: error.message } });
    throw error;
  });
  await sendAnswer(exchange, answer);
};

const control = async (
  provider: Provider,
  log: RequestLog,
  { exchange, url }: { exchange: Exchange; url: URL },
): Promise<Answer> => {
  const { shelf, queue, dialect } = provider;
  const [root = '', id, leaf] = url.pathname.slice(CONTROL_PATH.length + 1).split('/');
  const shape = [root, id === undefined ? [] : '{id}', leaf ?? []].flat().join('/');
  switch (`${exchange.request.method} ${shape}`) {
    case 'GET state':
      return jsonAnswer(200, readState(provider, log));
    case 'POST faults':
      return jsonAnswer(201, queue.add(await readBody(exchange)));
    case 'DELETE faults':
      queue.clear();
      return jsonAnswer(200, { faults: [] });
    case 'PUT variants':
      dialect.variants.merge(await readBody(exchange));
      return jsonAnswer(200, dialect.variants.current);
    case 'POST files':
      return jsonAnswer(201, await seedFile(provider, await readBody(exchange)));
    case 'GET files/{id}/bytes':
      return storedBytes(provider, id ?? '');
    case 'DELETE files/{id}':
      if (!(await shelf.remove(id ?? '', 'control'))) return NO_SUCH_FILE;
      return jsonAnswer(200, { id, vanished: true });
    default:
      return jsonAnswer(404, { error: { message: `the control plane has no ${url.pathname}` } });
  }
};

const NO_SUCH_FILE = jsonAnswer(404, { error: { message: 'no such file is stored' } });

const readState = ({ shelf, queue, dialect }: Provider, log: RequestLog): unknown => ({
  files: shelf.files(),
  uploads: dialect.uploads?.() ?? [],
  // What vanished through the control plane is left out: these are the deletions clients asked for.
  deleted: shelf.removed().flatMap(({ file, by }) => (by === 'client' ? [file.id] : [])),
  requests: log.all(),
  variants: dialect.variants.current,
  faults: queue.all(),
});

const SEED = {
  filename: requiredText(),
  text: requiredText(),
  purpose: requiredText(),
  createdAt: wholeNumber(0),
  /** Unix seconds; 0 for a file that stays. */
  expiresAt: wholeNumber(0),
};

const seedFile = async ({ shelf, dialect }: Provider, input: unknown): Promise<unknown> => {
  if (!isRecord(input)) throw new UnusableSetting('a file to seed is a JSON object');
  const now = Math.floor(Date.now() / 1_000);
  const seed = { ...fallbacks(SEED), createdAt: now, ...readSettings(SEED, input) };
  const path = shelf.incomingPath();
  await writeFile(path, seed.text);
  return shelf.keep(path, {
    id: dialect.newId(),
    filename: seed.filename,
    bytes: Buffer.byteLength(seed.text),
    sha256: createHash('sha256').update(seed.text).digest('hex'),
    purpose: seed.purpose,
    createdAt: seed.createdAt,
    ...(seed.expiresAt === 0 ? {} : { expiresAt: seed.expiresAt }),
    mediaType: 'text/plain',
    problem: null,
  });
};

const storedBytes = ({ shelf }: Provider, id: string): Answer => {
  const file = shelf.find(id);
  if (file === null) return NO_SUCH_FILE;
  const body = { path: shelf.pathOf(file), sizeBytes: file.bytes, type: 'application/octet-stream' };
  return { status: 200, headers: {}, body };
};

const readBody = async ({ request }: Exchange): Promise<unknown> =>
  json(request).catch(() => {
    throw new UnusableSetting('the body is not JSON');
  });
