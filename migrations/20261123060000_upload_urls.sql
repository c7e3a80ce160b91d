-- Addresses that take one file each, without a token, on behalf of the user who asked for them.

create table waybill.upload_urls (
  id            text primary key,
  owner         text not null,
  -- SHA-256 of the secret in the address, which is kept nowhere.
  secret_sha256 text not null check (secret_sha256 ~ '^[0-9a-f]{64}$'),
  filename      text not null,
  -- Null: what the upload says.
  media_type    text,
  -- Exactly so many. Null: any size that is accepted.
  bytes         bigint check (bytes > 0),
  -- Purpose, destination and expiry, as they were asked for.
  options       jsonb not null,
  created_at    timestamptz(3) not null default now(),
  expires_at    timestamptz(3) not null,
  -- The upload that has it, and until when unless it says that it goes on.
  claim         uuid,
  claimed_by    text,
  claimed_until timestamptz(3),
  -- What came of it. It can be used no more then.
  file_id       text references waybill.files (id) on delete cascade
);

comment on table waybill.upload_urls is 'Signed upload URLs. Removed an hour after they expire.';

create index upload_urls_by_owner on waybill.upload_urls (owner, expires_at) where file_id is null;
create index upload_urls_by_expiry on waybill.upload_urls (expires_at);

alter table waybill.upload_urls enable row level security;
