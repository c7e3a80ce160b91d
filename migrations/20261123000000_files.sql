-- Waybill's record: what was received, and which copies of it are at which provider.
-- Apply through `waybill serve`, which also fits the schema's name to DATABASE_SCHEMA, or with any SQL client.

create schema if not exists waybill;

create table waybill.files (
  id             text primary key,
  owner          text not null,
  filename       text not null,
  media_type     text not null,
  bytes          bigint not null check (bytes > 0),
  sha256         text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  purpose        text not null,
  status         text not null check (status in ('uploaded', 'processed', 'error')),
  status_details text,
  -- Where the master copy rests; kept on the tombstone so that a removal cut short can go on.
  blob_key       text not null unique,
  -- Milliseconds, so that the value a client pages by is the value compared.
  created_at     timestamptz(3) not null default now(),
  expires_at     timestamptz(3),
  deleted_at     timestamptz(3)
);

comment on table waybill.files is 'Files received. A deleted file stays as a tombstone with deleted_at set.';

-- Listing: an owner's live files, newest first.
create index files_by_owner on waybill.files (owner, created_at desc, id desc) where deleted_at is null;

create table waybill.provider_file_uploads (
  id               uuid primary key,
  file_id          text not null references waybill.files (id),
  provider         text not null,
  -- Which account at the provider, as a fingerprint of its address and key.
  account          text not null,
  provider_file_id text,
  -- The delivery whose copy serves this one too, when the same owner had the same bytes there already.
  shares           uuid references waybill.provider_file_uploads (id),
  purpose          text not null,
  status           text not null check (status in
    ('pending', 'uploading', 'processing', 'completed', 'failed', 'evicted', 'deleting', 'deleted')),
  reason           text not null,
  attempts         integer not null default 0 check (attempts >= 0),
  -- How many of the attempts ended after looking for an earlier one's copy, with nothing sent.
  looks            integer not null default 0 check (looks >= 0),
  bytes_sent       bigint not null default 0 check (bytes_sent >= 0),
  -- What an upload of several requests needs to go on with; may hold a credential of that upload, gone when it ends.
  session          jsonb,
  -- Whether a copy may be there that provider_file_id does not name; set before the first byte leaves.
  doubt            text not null default 'none' check (doubt in ('none', 'look', 'look_again')),
  error_code       text,
  error_message    text,
  claimed_by       text,
  claimed_until    timestamptz(3),
  last_used_at     timestamptz(3),
  -- Since when it has been asked for; a delivery is tried for a day from here.
  wanted_at        timestamptz(3) not null default now(),
  expires_at       timestamptz(3),
  created_at       timestamptz(3) not null default now(),
  updated_at       timestamptz(3) not null default now(),
  -- A provider's file is one row's: an id that comes back twice is refused, not recorded twice.
  unique (provider, account, provider_file_id)
);

comment on table waybill.provider_file_uploads is 'Copies of files at model providers, one row per file, provider, account and purpose.';

create unique index provider_file_uploads_once
  on waybill.provider_file_uploads (file_id, provider, account, purpose) where status <> 'deleted';

-- Sharing: who else is served by a copy, and which copies could serve.
create index provider_file_uploads_shares on waybill.provider_file_uploads (shares) where shares is not null;
create index files_by_bytes on waybill.files (owner, sha256) where deleted_at is null;

-- Capacity: what an account holds now.
create index provider_file_uploads_held
  on waybill.provider_file_uploads (provider, account) where provider_file_id is not null and status <> 'deleted';

-- Recovery: what an installation was sending when it died.
create index provider_file_uploads_claimed
  on waybill.provider_file_uploads (claimed_by) where claimed_by is not null;

-- Requests that a client may repeat after a lost answer, by the key it chose; good for 24 hours.
create table waybill.idempotency_keys (
  owner      text not null,
  key        text not null,
  file_id    text not null references waybill.files (id),
  created_at timestamptz(3) not null default now(),
  primary key (owner, key)
);

-- The gateway's own role owns the tables and passes; without a policy every other role sees nothing.
alter table waybill.files enable row level security;
alter table waybill.provider_file_uploads enable row level security;
alter table waybill.idempotency_keys enable row level security;
