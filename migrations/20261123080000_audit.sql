-- Who did what to which file, and what came of it.

create table waybill.audit (
  id         bigint generated always as identity primary key,
  at         timestamptz(3) not null,
  -- Null: nobody that is known.
  owner      text,
  action     text not null,
  -- Of the file or upload, where there is one.
  file_id    text,
  status     smallint not null,
  -- Null: it was done.
  error_code text,
  request_id text not null,
  address    text,
  -- Refusals that are alike are one row a minute.
  count      integer not null default 1 check (count > 0)
);

comment on table waybill.audit is 'What was asked for and what came of it. Rows are only added; after 90 days they may be deleted.';

create index audit_by_owner on waybill.audit (owner, at);
create index audit_by_time on waybill.audit using brin (at);

alter table waybill.audit enable row level security;

create function waybill.keep_audit() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and old.at < now() - interval '90 days' then
    return old;
  end if;
  raise exception 'the audit trail is only added to' using errcode = '42501';
end
$$;

create trigger audit_is_kept before update or delete on waybill.audit
  for each row execute function waybill.keep_audit();
create trigger audit_is_not_emptied before truncate on waybill.audit
  for each statement execute function waybill.keep_audit();
