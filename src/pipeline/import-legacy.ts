import { randomBytes, randomUUID } from 'node:crypto';
import { GatewayError } from '../core/errors.ts';
import { newFileId } from '../core/file.ts';
import { cleanFilename } from '../core/filename.ts';
import type { ImportReport, SkipReason } from '../core/import-report.ts';
import { isSubject } from '../core/principal.ts';
import { isProviderId, type Provider, type RemoteFile } from '../core/provider.ts';
import { transact } from '../platform/database.ts';
import { type ImportedCopy, importedRows, insertImported, namedCopies } from '../tracking/imports.ts';
import { type LegacyRow, readLegacy } from '../tracking/legacy-record.ts';
import type { Dependencies } from './dependencies.ts';

export interface ImportLegacy extends Pick<Dependencies, 'database' | 'providers'> {
  /** Of the earlier system's database. */
  readonly from: string;
  /** Where its tables are. */
  readonly fromSchema: string;
  /** Whose all files become; null: who is named by their rows, else `defaultOwner`. */
  readonly owner: string | null;
  readonly defaultOwner: string;
  readonly isDryRun: boolean;
  readonly onProgress?: (rowsDone: number) => void;
  readonly signal: AbortSignal;
}

const EXAMPLES_AT_MOST = 20;
const LOOKS_AT_ONCE = 8;
const SHA256 = /^[0-9a-f]{64}$/u;

/**
 * Takes the earlier system's copies over: each that its provider still has becomes a file with one copy and no master
 * copy. Nothing is written there, and a second run takes only what is new. Rejects when either database or a provider
 * fails; what was recorded until then stays.
 */
export const importLegacy = async (options: ImportLegacy): Promise<ImportReport> => {
  const { isDryRun, onProgress = () => undefined, signal } = options;
  const skipped: Partial<Record<SkipReason, number>> = {};
  const examples: { row: string; reason: SkipReason }[] = [];
  const counts = { rows: 0, imported: 0, importedBefore: 0 };
  for await (const page of readLegacy(options.from, options.fromSchema)) {
    signal.throwIfAborted();
    const before = await importedRows(
      options.database,
      page.map(({ id }) => id),
    );
    const verdicts = await judgePage(
      options,
      page.filter(({ id }) => !before.has(id)),
    );
    const copies = verdicts.flatMap(({ copy }) => copy ?? []);
    if (!isDryRun && copies.length > 0)
      await transact(options.database, (trx) => insertImported(trx, copies));
    for (const { row, reason } of verdicts) {
      if (reason === null) continue;
      skipped[reason] = (skipped[reason] ?? 0) + 1;
      if (examples.length < EXAMPLES_AT_MOST) examples.push({ row: row.id, reason });
    }
    counts.rows += page.length;
    counts.imported += copies.length;
    counts.importedBefore += before.size;
    onProgress(counts.rows);
  }
  return { isDryRun, ...counts, skipped, examples };
};

interface Verdict {
  readonly row: LegacyRow;
  readonly reason: SkipReason | null;
  readonly copy: ImportedCopy | null;
}

const judgePage = async (options: ImportLegacy, rows: readonly LegacyRow[]): Promise<readonly Verdict[]> => {
  const named = new Set<string>();
  for (const provider of options.providers.values()) {
    const ids = rows.flatMap(({ provider: name, remoteId }) =>
      name === provider.id ? (remoteId ?? []) : [],
    );
    for (const id of await namedCopies(
      options.database,
      { provider: provider.id, account: provider.account },
      ids,
    ))
      named.add(`${provider.id} ${id}`);
  }
  const verdicts: Verdict[] = [];
  for (let from = 0; from < rows.length; from += LOOKS_AT_ONCE) {
    options.signal.throwIfAborted();
    const batch = rows.slice(from, from + LOOKS_AT_ONCE).map((row) => judge(options, row, named));
    verdicts.push(...(await Promise.all(batch)));
  }
  return verdicts;
};

const judge = async (options: ImportLegacy, row: LegacyRow, named: Set<string>): Promise<Verdict> => {
  const skip = (reason: SkipReason): Verdict => ({ row, reason, copy: null });
  const { status, remoteId } = row;
  if (status === 'failed') return skip('failed_there');
  if (status === 'deleted') return skip('deleted_there');
  if (!isProviderId(row.provider)) return skip('unknown_provider');
  const provider = options.providers.get(row.provider);
  if (provider === undefined) return skip('provider_not_configured');
  if (remoteId === null || remoteId === '') return skip('no_provider_file_id');
  const sha256 = row.sha256?.trim().toLowerCase() ?? '';
  if (!SHA256.test(sha256)) return skip('no_sha256');
  const key = `${provider.id} ${remoteId}`;
  if (named.has(key)) return skip('tracked_already');
  // Before anything is waited for, so that of two rows with one id the second is seen.
  named.add(key);
  const remote = await lookUp(provider, remoteId, options.signal);
  if (remote === null) return skip('missing_at_provider');
  const sizeBytes = row.sizeBytes ?? remote.sizeBytes;
  if (sizeBytes === null || sizeBytes <= 0) return skip('no_size');
  if (remote.sizeBytes !== null && remote.sizeBytes !== sizeBytes) return skip('not_the_same_file');
  return { row, reason: null, copy: toCopy(options, { row, provider, remoteId, remote, sha256, sizeBytes }) };
};

/** Null when the provider says that it does not have it. */
const lookUp = async (
  provider: Provider,
  remoteId: string,
  signal: AbortSignal,
): Promise<RemoteFile | null> => {
  try {
    return await provider.retrieve(remoteId, { signal });
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'not_found') return null;
    throw error;
  }
};

interface Found {
  readonly row: LegacyRow;
  readonly provider: Provider;
  readonly remoteId: string;
  readonly remote: RemoteFile;
  readonly sha256: string;
  readonly sizeBytes: number;
}

const toCopy = (
  { owner, defaultOwner }: ImportLegacy,
  { row, provider, remoteId, remote, sha256, sizeBytes }: Found,
): ImportedCopy => ({
  importedFrom: row.id,
  file: {
    id: newFileId(),
    owner: owner ?? (row.owner !== null && isSubject(row.owner) ? row.owner : defaultOwner),
    filename: nameOf(row.filename ?? remote.filename),
    mediaType: row.mediaType ?? 'application/octet-stream',
    sizeBytes,
    sha256,
    purpose: 'user_data',
    status: 'processed',
    // Of a blob that never was; the file is recorded as one without a master copy.
    blobKey: randomBytes(16).toString('hex'),
    expiresAt: null,
  },
  deliveryId: randomUUID(),
  provider: provider.id,
  account: provider.account,
  remoteId,
  purpose: remote.purpose ?? provider.capabilities.purposes.user_data?.purpose ?? 'file',
  expiresAt: remote.expiresAt,
  lastUsedAt: row.lastUsedAt,
});

const nameOf = (name: string | null): string => {
  try {
    return cleanFilename(name ?? '');
  } catch {
    return 'unnamed';
  }
};
