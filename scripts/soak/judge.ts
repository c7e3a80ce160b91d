import type { Pool } from 'pg';
import { lastMark } from '../../src/delivery/sent-name.ts';
import { type Caller, jsonOf, summaryOf } from './call.ts';
import type { Gateway } from './gateways.ts';
import type { Entry, Ledger } from './ledger.ts';
import type { Account } from './providers.ts';
import type { Store } from './store.ts';
import { sha256 } from './worker.ts';

export interface Evidence {
  readonly gateways: readonly [Gateway, ...Gateway[]];
  readonly accounts: readonly Account[];
  readonly callers: ReadonlyMap<string, Caller>;
  readonly ledger: Ledger;
  readonly pool: Pool;
  readonly store: Store;
}

interface File {
  readonly id: string;
  readonly filename: string;
  readonly bytes: number;
}

/** Holds what the clients were told against what is there, and writes down each promise that was not kept. */
export const judge = async (evidence: Evidence): Promise<void> => {
  for (const owner of evidence.callers.keys()) await judgeOwner(evidence, owner);
  for (const [kind, found] of await strayCopies(evidence))
    for (const about of found) evidence.ledger.violate(kind, about);
  await judgeRecord(evidence);
  await judgeForeign(evidence);
  for (const name of await strayBlobs(evidence)) evidence.ledger.violate('leaked blob', name);
};

/** Asks the gateways in turn, so that each is heard on everything that counts. */
const ask = async (
  { gateways, callers }: Evidence,
  owner: string,
  path: string,
  nth: number,
): Promise<NonNullable<Awaited<ReturnType<Caller>>>> => {
  const gateway = gateways[nth % gateways.length] ?? gateways[0];
  const answer = await callers.get(owner)?.(gateway.url() ?? '', { method: 'GET', path });
  if (answer === null || answer === undefined) throw new Error(`No answer to ${path} after the storm.`);
  return answer;
};

const judgeOwner = async (evidence: Evidence, owner: string): Promise<void> => {
  const { ledger } = evidence;
  const listed = jsonOf<{ data: File[] }>(await ask(evidence, owner, '/v1/files?limit=10000', 0)).data;
  const byName = Map.groupBy(listed, ({ filename }) => filename);
  const own = ledger.entries.filter((entry) => entry.owner === owner);
  for (const [nth, entry] of own.entries())
    await judgeEntry(evidence, { entry, files: byName.get(entry.filename) ?? [], nth });
  const known = new Set(own.map(({ filename }) => filename));
  for (const { filename } of listed) if (!known.has(filename)) ledger.violate('unexpected', filename);
  await judgeQuota(evidence, owner, listed);
};

const judgeEntry = async (
  evidence: Evidence,
  { entry, files, nth }: { entry: Entry; files: readonly File[]; nth: number },
): Promise<void> => {
  const { ledger } = evidence;
  const { owner, filename, id, uploaded, removed, via } = entry;
  const about = `${filename} ${id} (${via}, upload ${uploaded}, delete ${removed})`;
  if (files.length > 1) ledger.violate('file twice', `${about}: ${files.map((file) => file.id)}`);
  if (uploaded === 'fail' && files.length > 0) ledger.violate('unexpected', about);
  const isPromised = uploaded === 'ok' && (removed === null || removed === 'fail');
  if (isPromised && !files.some((file) => file.id === id)) ledger.violate('lost', `${about}: not listed`);
  if (removed === 'ok') {
    const { status } = await ask(evidence, owner, `/v1/files/${id}/content`, nth);
    if (status !== 404 || files.length > 0) ledger.violate('deleted and served', `${about}: ${status}`);
  }
  for (const file of files) {
    const content = await ask(evidence, owner, `/v1/files/${file.id}/content`, nth);
    if (content.status !== 200) ledger.violate('lost', `${about}: ${summaryOf(content)}`);
    else if (sha256(content.body) !== entry.sha256)
      ledger.violate('wrong bytes', `${about}: ${content.body.length} bytes`);
  }
};

interface Share {
  readonly used: number;
  readonly reserved: number;
}

const judgeQuota = async (evidence: Evidence, owner: string, files: readonly File[]): Promise<void> => {
  const { bytes, files: count } = jsonOf<{ bytes: Share; files: Share }>(
    await ask(evidence, owner, '/v1/quota', 0),
  );
  const kept = files.reduce((sum, file) => sum + file.bytes, 0);
  const differences = [bytes.used - kept, count.used - files.length, bytes.reserved, count.reserved];
  if (differences.some((difference) => difference !== 0))
    evidence.ledger.violate('quota difference', `${owner}: ${differences.join(', ')}`);
};

/** Copies at the providers that bear a mark of ours: those that no record names, and those of one delivery. */
export const strayCopies = async ({
  accounts,
  pool,
}: Pick<Evidence, 'accounts' | 'pool'>): Promise<ReadonlyMap<string, readonly string[]>> => {
  const leaked: string[] = [];
  const duplicated: string[] = [];
  for (const { name, client, foreign } of accounts) {
    const { rows } = await pool.query<{ id: string }>(
      `select provider_file_id as id from waybill.provider_file_uploads
       where provider = $1 and status <> 'deleted' and provider_file_id is not null`,
      [name],
    );
    const named = new Set(rows.map(({ id }) => id));
    const ours = (await client.state()).files.filter(({ id }) => !foreign.includes(id));
    leaked.push(
      ...ours.filter(({ id }) => !named.has(id)).map((file) => `${name} ${file.id} ${file.filename}`),
    );
    for (const [mark, copies] of Map.groupBy(ours, (file) => lastMark(file.filename)))
      if (copies.length > 1) duplicated.push(`${name} ${mark}: ${copies.map(({ id }) => id)}`);
  }
  return new Map([
    ['leaked', leaked],
    ['duplicated', duplicated],
  ]);
};

interface CopyRow {
  readonly provider: string;
  readonly remote_id: string;
  readonly sha256: string;
  readonly file_id: string;
}

/** What the record says is at a provider is there, with the file's bytes, and nothing was given up. */
const judgeRecord = async ({ accounts, ledger, pool }: Evidence): Promise<void> => {
  const { rows: copies } = await pool.query<CopyRow>(
    `select provider, provider_file_id as remote_id, sha256, file_id
     from waybill.provider_file_uploads copy join waybill.files file on file.id = copy.file_id
     where copy.status = 'completed' and provider_file_id is not null`,
  );
  for (const { name, client } of accounts) {
    const held = new Map((await client.state()).files.map((file) => [file.id, file.sha256]));
    for (const copy of copies.filter(({ provider }) => provider === name)) {
      const about = `${name} ${copy.remote_id} of ${copy.file_id}`;
      if (!held.has(copy.remote_id)) ledger.violate('ghost', about);
      else if (held.get(copy.remote_id) !== copy.sha256) ledger.violate('wrong bytes', about);
    }
  }
  const { rows: failed } = await pool.query<{ about: string }>(
    `select concat_ws(' ', provider, file_id, error_code, error_message) as about
     from waybill.provider_file_uploads where status = 'failed'`,
  );
  for (const { about } of failed) ledger.violate('delivery given up', about);
};

const judgeForeign = async ({ accounts, ledger }: Evidence): Promise<void> => {
  for (const { name, client, foreign } of accounts) {
    const { files, deleted } = await client.state();
    for (const id of foreign)
      if (deleted.includes(id) || !files.some((file) => file.id === id))
        ledger.violate('foreign touched', `${name} ${id}`);
  }
};

/** Blobs that neither a file nor an upload in the record has. */
export const strayBlobs = async ({
  gateways,
  pool,
  store,
}: Pick<Evidence, 'gateways' | 'pool' | 'store'>): Promise<readonly string[]> => {
  const blobs = await store.blobs(gateways);
  const { rows } = await pool.query<{ blob_key: string }>(
    'select blob_key from waybill.files where purged_at is null union select blob_key from waybill.uploads',
  );
  const named = new Set(rows.map((row) => row.blob_key));
  return blobs.filter(({ key }) => !named.has(key)).map(({ name }) => name);
};
