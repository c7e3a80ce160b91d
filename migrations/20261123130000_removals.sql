-- When each removal was confirmed, what came from the earlier system, and what a restored record has to wait for.

-- Null while a master copy is there. Set with deleted_at null: the file has copies at providers only.
alter table waybill.files add column purged_at timestamptz(3);
-- What the file was in the earlier system, so that importing it again finds it.
alter table waybill.files add column imported_from text unique;

alter table waybill.provider_file_uploads add column removed_at timestamptz(3);
-- The earlier system's row. Such a copy is ours by this record, though its name at the provider says nothing of it.
alter table waybill.provider_file_uploads add column imported_from text unique;

create table waybill.restored (
  the_one boolean primary key default true check (the_one),
  -- Nothing is removed at a provider until a reconciliation that began later has ended.
  at      timestamptz(3) not null default now()
);

comment on table waybill.restored is 'When this record was restored from a backup. Empty: it never was.';

alter table waybill.restored enable row level security;
