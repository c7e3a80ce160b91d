import { z } from 'zod';
import {
  bytes,
  bytesOrOff,
  count,
  cron,
  dateAhead,
  directories,
  driveMappings,
  httpUrl,
  list,
  milliseconds,
  secret,
  signingSecret,
  text,
  url,
} from './variables.ts';

const provider = <Name extends string>(
  name: Name,
  baseUrl: string,
  limits: { maxFileBytes: string; maxFiles: string; maxTotalBytes?: string },
) => {
  const shape = {
    API_KEY: secret(8).optional().describe('API key; without it the provider is off'),
    BASE_URL: httpUrl.prefault(baseUrl).describe('Address of the API'),
    MAX_FILE_BYTES: bytes(limits.maxFileBytes).describe('Largest file it takes'),
    MAX_FILES: count(limits.maxFiles, 1, 1e9).describe('Files the account may hold'),
    MAX_TOTAL_BYTES: bytes(limits.maxTotalBytes ?? '10 GB').describe('Bytes the account may hold'),
  };
  type Variables = { [Key in keyof typeof shape as `${Name}_${Key}`]: (typeof shape)[Key] };
  return Object.fromEntries(
    Object.entries(shape).map(([key, type]) => [`${name}_${key}`, type]),
  ) as Variables;
};

const MEDIA_RANGE = /^(\*|[\w.+-]+\/(\*|[\w.+-]+))$/u;
const ORIGIN = /^https?:\/\/[\w.-]+(:\d+)?$/iu;

/** Every variable with its default and its meaning; `docs/configuration.md` is compared with it by a test. */
export const environment = z.object({
  HOST: text('a host name or address', /^[\w.:-]+$/u)
    .prefault('127.0.0.1')
    .describe('Address to listen on'),
  PORT: count('8787', 0, 65_535).describe('Port to listen on; 0 picks a free one'),
  PUBLIC_URL: httpUrl.optional().describe('Address under which users reach the gateway'),
  DATA_DIR: z.string().min(1).prefault('.waybill').describe('Directory for everything kept locally'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    .prefault('info')
    .describe('Least level logged'),
  DATABASE_URL: url(/^postgres(ql)?$/u, 'a postgres:// address')
    .optional()
    .describe('Postgres 15 or later; unset: embedded'),
  DATABASE_SCHEMA: text('a lower-case SQL name', /^[a-z_][a-z0-9_]{0,40}$/u)
    .prefault('waybill')
    .describe('Schema of the tables'),
  BLOB_STORE: z.enum(['disk', 's3']).prefault('disk').describe('Where master copies rest'),
  S3_ENDPOINT: httpUrl.optional().describe('Address of the S3 API, as Supabase shows it; unset: AWS'),
  S3_REGION: text('a region such as eu-central-1', /^[a-z0-9-]+$/u)
    .prefault('us-east-1')
    .describe('Region of the bucket'),
  S3_BUCKET: text('a bucket name', /^[\w.-]{3,63}$/u)
    .optional()
    .describe('Private bucket of its own'),
  S3_ACCESS_KEY_ID: z.string().min(1).optional().describe('Access key that may read and write the bucket'),
  S3_SECRET_ACCESS_KEY: secret(8).optional().describe('Secret of the access key'),
  JWT_SECRET_KEY: signingSecret.optional().describe('HS256 secret; unset: JWKS, else generated in DATA_DIR'),
  JWT_JWKS_URL: httpUrl.optional().describe('Public keys of an identity provider, such as Supabase Auth'),
  JWT_ISSUER: z.string().min(1).optional().describe('Required `iss` of tokens'),
  JWT_AUDIENCE: z.string().min(1).optional().describe('Required `aud` of tokens'),
  SUPABASE_URL: httpUrl.optional().describe('Supabase project that users of the console sign in to'),
  SUPABASE_ANON_KEY: text('the anon or publishable key', /^[\w.-]{20,}$/u)
    .optional()
    .describe('Its public key'),
  AUTH_GRACE_UNTIL: dateAhead(30).optional().describe('Until when requests without a token are let in'),
  ALLOWED_PATHS: directories.optional().describe('Directories whose files may be uploaded by path'),
  DRIVE_MAPPINGS: driveMappings.optional().describe('Windows directories and which of ours they are'),
  MAX_FILE_BYTES: bytes('8 GB').describe('Largest file accepted'),
  ALLOWED_TYPES: list('media types with commas between, such as text/*,application/pdf, or *', MEDIA_RANGE)
    .optional()
    .describe('Media types accepted; unset: the list in docs/content.md'),
  CLAMAV_URL: url(/^(unix|tcp)$/u, 'unix:///run/clamav/clamd.ctl or tcp://host:3310')
    .optional()
    .describe('ClamAV daemon that every file is scanned by'),
  QUOTA_BYTES: bytesOrOff('10 GB').describe('Bytes that one user may keep; 0: no limit'),
  QUOTA_FILES: count('10000', 0, 1e9).describe('Files that one user may keep; 0: no limit'),
  RETENTION_DAYS: count('30', 0, 36_500).describe('Days that files without an expiry are kept; 0: for ever'),
  CLEANUP_CRON: cron('0 3 * * *').describe('When what has ended is removed, in UTC'),
  RECONCILE_CRON: cron('0 * * * *').describe('When records are compared with the providers, in UTC'),
  RATE_LIMIT_PER_MINUTE: count('600', 0, 1e9).describe(
    'Uploads, and as many other calls, of one user; 0: no limit',
  ),
  REDIS_URL: url(/^rediss?$/u, 'a redis:// or rediss:// address')
    .optional()
    .describe('Redis that counts the rate limits of several instances'),
  TRUSTED_PROXIES: list('addresses or networks with commas between, such as 10.0.0.0/8', /^[\da-f.:/]+$/iu)
    .optional()
    .describe('Proxies whose X-Forwarded-For is believed'),
  CORS_ORIGINS: list('origins with commas between, such as https://app.example.com', ORIGIN)
    .optional()
    .describe('Web pages elsewhere that may call the API'),
  METRICS_TOKEN: secret(16).optional().describe('Bearer token that `/metrics` asks for; unset: none'),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl
    .optional()
    .describe('OpenTelemetry collector that spans are sent to; unset: none are'),
  OTEL_SERVICE_NAME: text('a short name', /^[\w.-]{1,80}$/u)
    .prefault('waybill')
    .describe('What the spans are under'),
  AUTO_GLM_ABOVE_BYTES: bytes('512 MB').describe('Above this size `auto` prefers GLM to Kimi'),
  ...provider('KIMI', 'https://api.moonshot.ai/v1', { maxFileBytes: '100 MB', maxFiles: '1000' }),
  ...provider('GLM', 'https://api.z.ai/api/paas/v4', { maxFileBytes: '100 MB', maxFiles: '100' }),
  ...provider('OPENAI', 'https://api.openai.com/v1', {
    maxFileBytes: '8 GB',
    maxFiles: '1000000000',
    maxTotalBytes: '2500000000000',
  }),
  ...provider('GEMINI', 'https://generativelanguage.googleapis.com', {
    maxFileBytes: '2 GB',
    maxFiles: '1000000000',
    maxTotalBytes: '20 GB',
  }),
  ...provider('ANTHROPIC', 'https://api.anthropic.com/v1', {
    maxFileBytes: '500000000',
    maxFiles: '1000000000',
    maxTotalBytes: '1000000000000',
  }),
  ...provider('MISTRAL', 'https://api.mistral.ai/v1', {
    maxFileBytes: '512 MB',
    maxFiles: '1000000000',
    maxTotalBytes: '1000 TB',
  }),
  TIMEOUT_CONNECT_MS: milliseconds('5000').describe('Until a provider connection stands'),
  TIMEOUT_IDLE_MS: milliseconds('30000').describe('Without a byte moving, either way'),
  TIMEOUT_TOTAL_MS: milliseconds('3600000').describe('For one whole exchange with a provider'),
  RETRY_ATTEMPTS: count('5', 1, 100).describe('Tries of a delivery in quick succession'),
  RETRY_BASE_MS: milliseconds('500').describe('Longest wait before the second try; doubles with each'),
  RETRY_MAX_MS: milliseconds('30000').describe('Longest wait between quick tries'),
});
