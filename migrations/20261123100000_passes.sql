-- Passes over the whole record, by schedule or by hand, and how far time had got when retention last looked.

create table waybill.passes (
  id         text primary key,
  kind       text not null check (kind in ('cleanup', 'reconcile')),
  is_dry_run boolean not null,
  -- Whether somebody has confirmed what the guard against runaway deletion stops.
  is_forced  boolean not null,
  status     text not null check (status in ('running', 'completed', 'stopped', 'failed')),
  message    text,
  report     jsonb,
  -- The run of its job that has it. One that stalled finds another's here, and changes nothing more.
  run        uuid,
  runs       integer not null default 0 check (runs >= 0),
  alive_at   timestamptz(3) not null default now(),
  started_at timestamptz(3) not null default now(),
  ended_at   timestamptz(3),
  check ((status = 'running') = (ended_at is null))
);

comment on table waybill.passes is 'Cleanups and reconciliations with their reports. Removed 90 days after they ended.';

-- One of a kind at a time, over all instances.
create unique index passes_running on waybill.passes (kind) where status = 'running';
create index passes_by_time on waybill.passes (started_at, id);

create table waybill.retention_witness (
  the_one boolean primary key default true check (the_one),
  -- When a cleanup last began that came to its end; before the first, when this table was made.
  at      timestamptz(3) not null
);

comment on table waybill.retention_witness is 'By which a clock that has jumped, or a rule that has changed, is told from time that has passed.';

insert into waybill.retention_witness (at) values (now());

alter table waybill.passes enable row level security;
alter table waybill.retention_witness enable row level security;

-- What ends by its own expiry, and by its age.
create index files_by_expiry on waybill.files (expires_at, id) where deleted_at is null and expires_at is not null;
create index files_by_age on waybill.files (created_at, id) where deleted_at is null and expires_at is null;

-- Tombstones, and keys that are no good any more.
create index files_by_deletion on waybill.files (deleted_at) where deleted_at is not null;
create index idempotency_keys_by_time on waybill.idempotency_keys using brin (created_at);

-- What a tombstone's end has to look up.
create index idempotency_keys_by_file on waybill.idempotency_keys (file_id);
create index upload_urls_by_file on waybill.upload_urls (file_id) where file_id is not null;
create index provider_file_uploads_by_file on waybill.provider_file_uploads (file_id);
