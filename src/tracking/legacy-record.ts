import { Client, escapeIdentifier } from 'pg';
import { systemCode } from '../core/errors.ts';
import { settleDatabaseUrl } from '../platform/database-url.ts';
import { StartupError } from '../platform/startup-error.ts';

/** A copy as the earlier system recorded it. What it does not have is null. */
export interface LegacyRow {
  readonly id: string;
  readonly provider: string;
  readonly remoteId: string | null;
  readonly status: string | null;
  readonly sha256: string | null;
  readonly filename: string | null;
  readonly sizeBytes: number | null;
  readonly mediaType: string | null;
  readonly owner: string | null;
  readonly lastUsedAt: Date | null;
}

/** Columns by what they were called over time, the newest name first. */
const UPLOAD_COLUMNS = {
  id: ['id'],
  provider: ['provider', 'provider_name'],
  remoteId: ['provider_file_id'],
  status: ['upload_status'],
  sha256: ['sha256', 'checksum_sha256', 'file_hash'],
  filename: ['filename'],
  sizeBytes: ['file_size_bytes', 'file_size'],
  mediaType: ['mime_type'],
  owner: ['user_id'],
  lastUsedAt: ['last_used'],
} as const;
const FILE_COLUMNS: Readonly<Partial<Record<keyof LegacyRow, readonly string[]>>> = {
  sha256: ['sha256', 'file_sha256', 'checksum_sha256'],
  filename: ['original_name', 'filename', 'file_name'],
  sizeBytes: ['size_bytes', 'file_size_bytes', 'file_size'],
  mediaType: ['mime_type', 'content_type'],
  owner: ['user_id', 'owner'],
};
const NUMBERS = new Set(['sizeBytes']);
const TIMES = new Set(['lastUsedAt']);
const ROWS_AT_ONCE = 500;

/**
 * The earlier system's copies with what it knew of their files, in pages, all of one moment. Only read. Columns that are
 * not there are null: its tables changed over time. Rejects with `StartupError` when it
 * cannot be reached or has no `provider_file_uploads`.
 */
export async function* readLegacy(url: string, schema: string): AsyncGenerator<readonly LegacyRow[]> {
  const connectionString = await settleDatabaseUrl(url).catch(explain);
  const client = new Client({ connectionString, application_name: 'waybill-import' });
  client.on('error', () => undefined);
  await client.connect().catch(explain);
  try {
    await client.query('begin isolation level repeatable read read only');
    const statement = await statementFor(client, schema);
    await client.query(`declare copies no scroll cursor for ${statement}`);
    while (true) {
      const { rows } = await client.query<Omit<LegacyRow, 'sizeBytes'> & { sizeBytes: string | null }>(
        `fetch ${ROWS_AT_ONCE} from copies`,
      );
      if (rows.length === 0) return;
      yield rows.map((row) => ({ ...row, sizeBytes: row.sizeBytes === null ? null : Number(row.sizeBytes) }));
    }
  } finally {
    await client.end();
  }
}

const explain = (error: unknown): never => {
  const reason = systemCode(error) ?? 'no answer';
  throw new StartupError(`The earlier database cannot be reached (${reason}): check --from.`, {
    cause: error,
  });
};

const statementFor = async (client: Client, schema: string): Promise<string> => {
  const uploads = await columnsOf(client, schema, 'provider_file_uploads');
  if (!uploads.has('id') || !uploads.has('provider_file_id'))
    throw new StartupError(
      `There is no table ${schema}.provider_file_uploads of the earlier system: check --from and --schema.`,
    );
  const files = await columnsOf(client, schema, 'files');
  const isJoined = files.has('id') && uploads.has('supabase_file_id');
  const fields = Object.entries(UPLOAD_COLUMNS).map(([field, names]) => {
    const known = [
      ...names.filter((name) => uploads.has(name)).map((name) => `upload.${escapeIdentifier(name)}`),
      ...(isJoined ? (FILE_COLUMNS[field as keyof LegacyRow] ?? []) : [])
        .filter((name) => files.has(name))
        .map((name) => `file.${escapeIdentifier(name)}`),
    ];
    const type = NUMBERS.has(field) ? 'bigint' : TIMES.has(field) ? 'timestamptz' : 'text';
    const cast = known.map((name) => `${name}::${type}`);
    return `${cast.length === 0 ? `null::${type}` : `coalesce(${cast.join(', ')})`} as ${escapeIdentifier(field)}`;
  });
  const nameOf = (table: string): string => `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`;
  const join = isJoined
    ? `left join ${nameOf('files')} as file on file.id::text = upload.supabase_file_id::text`
    : '';
  return `select ${fields.join(', ')} from ${nameOf('provider_file_uploads')} as upload ${join} order by upload.id`;
};

const columnsOf = async (client: Client, schema: string, table: string): Promise<ReadonlySet<string>> => {
  const { rows } = await client.query<{ name: string }>(
    'select column_name as name from information_schema.columns where table_schema = $1 and table_name = $2',
    [schema, table],
  );
  return new Set(rows.map(({ name }) => name));
};
