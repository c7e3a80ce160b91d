-- Uploads that are coming in over several requests, and are no files yet.

create table waybill.uploads (
  -- Of the file that it becomes.
  id         text primary key,
  owner      text not null,
  filename   text not null,
  media_type text not null,
  -- Purpose, destination and expiry, as they were asked for.
  options    jsonb not null,
  -- Null while the client has not told it.
  length     bigint check (length > 0),
  -- Where its bytes grow. How many there are, the blob itself says.
  blob_key   text not null unique,
  -- As the client sent it, for the answers that repeat it.
  metadata   text,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null
);

comment on table waybill.uploads is 'Resumable uploads that are not complete. The row goes as its file comes.';

-- What nobody has gone on with.
create index uploads_by_expiry on waybill.uploads (expires_at);

alter table waybill.uploads enable row level security;
