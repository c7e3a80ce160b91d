import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { multipart } from '../../emulators/testing/emulator-client.ts';
import { randomText } from '../../test/support/random-text.ts';
import { type Answer, type Call, type Caller, jsonOf, outcomeOf, summaryOf } from './call.ts';
import type { Chance } from './chance.ts';
import type { Gateway } from './gateways.ts';
import type { Entry, Ledger } from './ledger.ts';
import { uploadByTus } from './upload-by-tus.ts';

export interface Worker {
  /** The user it is; nobody else is. */
  readonly owner: string;
  readonly call: Caller;
  readonly chance: Chance;
  readonly ledger: Ledger;
  readonly gateways: readonly [Gateway, ...Gateway[]];
  /** Of a tus upload. */
  readonly pieces: number;
  readonly signal: AbortSignal;
}

const DESTINATIONS = ['kimi', 'glm', 'openai', 'kimi,glm', 'kimi,glm,openai', 'auto', 'none'] as const;
const WAITS = ['respond-async', 'respond-async', 'wait=5'] as const;
const MIB = 2 ** 20;
const PAUSE_MS = 100;
const RETRIES = 8;

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Uploads, reads, deletes and lists, one after the other, and writes down what it is told. */
export const work = async (worker: Worker): Promise<void> => {
  const { chance, signal } = worker;
  const own: Entry[] = [];
  let earlier: Buffer | null = null;
  for (let nth = 1; !signal.aborted; nth += 1) {
    const turn = chance.whole(1, 100);
    if (turn <= 50) {
      // The same bytes again share their copies at the providers.
      const bytes: Buffer = earlier !== null && chance.percent(10) ? earlier : randomText(sizeOf(chance));
      earlier = bytes;
      await upload(worker, { filename: `${worker.owner}-${nth}.txt`, bytes }, own);
    } else if (turn <= 75) await read(worker, own);
    else if (turn <= 90) await remove(worker, own);
    else await list(worker, own);
    await pause(chance.whole(20, PAUSE_MS));
  }
};

const sizeOf = (chance: Chance): number =>
  chance.percent(5) ? chance.whole(5 * MIB, 7 * MIB) : chance.whole(100, 200_000);

/** Sends to any gateway that is there, or to the one named; waits while none is. */
const send = async (
  { gateways, chance, call }: Worker,
  request: Call,
  gateway = chance.pick(gateways),
): Promise<Answer | null> => {
  const urls = [gateway, ...gateways].map((each) => each.url());
  const url = urls.find((each) => each !== null);
  if (url !== undefined && url !== null) return await call(url, request);
  await pause(PAUSE_MS);
  return null;
};

interface Fresh {
  readonly filename: string;
  readonly bytes: Buffer;
}

const upload = async (worker: Worker, { filename, bytes }: Fresh, own: Entry[]): Promise<void> => {
  const { chance, ledger, owner } = worker;
  const via = chance.pick(['form', 'put', 'tus']);
  const entry: Entry = {
    owner,
    filename,
    sha256: sha256(bytes),
    via,
    uploaded: null,
    id: null,
    removed: null,
  };
  ledger.entries.push(entry);
  own.push(entry);
  const provider = chance.pick(DESTINATIONS);
  const end = ledger.invoke('upload', `${filename} ${via} ${bytes.length} to ${provider}`);
  if (via === 'tus') {
    let at = chance.whole(0, worker.gateways.length - 1);
    const road = (call: Call, where: 'same' | 'other') => {
      if (where === 'other') at = (at + 1) % worker.gateways.length;
      return send(worker, call, worker.gateways[at]);
    };
    const { id, answer } = await uploadByTus(
      { send: road, ledger },
      { filename, provider, bytes, pieces: worker.pieces },
    );
    entry.id = id;
    entry.uploaded = end(outcomeOf(answer), summaryOf(answer));
    return;
  }
  const answer = await sendWhole(worker, { filename, bytes, provider, via });
  if (outcomeOf(answer) === 'ok' && answer !== null) entry.id = jsonOf<{ id: string }>(answer).id;
  entry.uploaded = end(outcomeOf(answer), `${summaryOf(answer)} ${entry.id}`);
};

/** Half of them bear a key by which they may be sent again until it is known what became of them. */
const sendWhole = async (
  worker: Worker,
  { filename, bytes, provider, via }: Fresh & { provider: string; via: 'form' | 'put' },
): Promise<Answer | null> => {
  const { chance, ledger } = worker;
  const isRepeatable = chance.percent(50);
  const headers = {
    prefer: chance.pick(WAITS),
    ...(isRepeatable ? { 'idempotency-key': filename } : {}),
  };
  const form = multipart({ filename, text: bytes, purpose: null, fields: { provider } });
  const request: Call =
    via === 'form'
      ? { method: 'POST', path: '/v1/files', headers: { ...headers, ...form.headers }, body: form.body }
      : { method: 'PUT', path: `/v1/files?filename=${filename}&provider=${provider}`, headers, body: bytes };
  let answer = await send(worker, request);
  for (let n = 0; isRepeatable && n < RETRIES && isOpen(answer); n += 1) {
    ledger.note('upload sent again with its key');
    await pause(PAUSE_MS * (n + 1));
    answer = await send(worker, request);
  }
  return isOpen(answer) ? null : answer;
};

/** Nobody knows, or the one that was sent before is still under way. */
const isOpen = (answer: Answer | null): boolean => outcomeOf(answer) === 'unknown' || answer?.status === 409;

/** A file that was acknowledged and that nobody has asked to delete. */
const isKept = ({ uploaded, removed }: Entry): boolean => uploaded === 'ok' && removed === null;

const pickKept = ({ chance }: Worker, own: readonly Entry[]): Entry | null => {
  const [first, ...rest] = own.filter(isKept);
  return first === undefined ? null : chance.pick([first, ...rest]);
};

const read = async (worker: Worker, own: readonly Entry[]): Promise<void> => {
  const entry = pickKept(worker, own);
  if (entry === null) return;
  const { ledger } = worker;
  const about = `${entry.filename} ${entry.id}`;
  const end = ledger.invoke('read', about);
  const answer = await send(worker, { method: 'GET', path: `/v1/files/${entry.id}/content` });
  const outcome = end(outcomeOf(answer), answer?.status === 200 ? '200' : summaryOf(answer));
  if (outcome === 'fail') ledger.violate('lost', `${about}: ${summaryOf(answer)} during the storm`);
  if (outcome === 'ok' && answer !== null && sha256(answer.body) !== entry.sha256)
    ledger.violate('wrong bytes', `${about} (${entry.via}) during the storm`);
};

const remove = async (worker: Worker, own: readonly Entry[]): Promise<void> => {
  const entry = pickKept(worker, own);
  if (entry === null) return;
  const end = worker.ledger.invoke('delete', `${entry.filename} ${entry.id}`);
  const answer = await send(worker, { method: 'DELETE', path: `/v1/files/${entry.id}` });
  entry.removed = end(outcomeOf(answer), summaryOf(answer));
};

interface Listed {
  readonly data: readonly { readonly id: string; readonly filename: string; readonly bytes: number }[];
}

const list = async (worker: Worker, own: readonly Entry[]): Promise<void> => {
  const { ledger, owner } = worker;
  const end = ledger.invoke('list', owner);
  const answer = await send(worker, { method: 'GET', path: '/v1/files?limit=10000' });
  const outcome = end(outcomeOf(answer), answer?.status === 200 ? '200' : summaryOf(answer));
  if (outcome !== 'ok' || answer === null) return;
  const ids = new Set(jsonOf<Listed>(answer).data.map(({ id }) => id));
  for (const entry of own) {
    const isListed = ids.has(entry.id ?? '');
    if (isKept(entry) && !isListed)
      ledger.violate('lost', `${entry.filename} ${entry.id}: not in a list during the storm`);
    if (entry.removed === 'ok' && isListed)
      ledger.violate('deleted and served', `${entry.filename} ${entry.id}: in a list during the storm`);
  }
};
