-- Who keeps how much, and what is promised to files that are still coming in.

create table waybill.quotas (
  owner         text primary key,
  -- Null: what QUOTA_BYTES and QUOTA_FILES say. 0: no limit.
  limit_bytes   bigint check (limit_bytes >= 0),
  limit_files   bigint check (limit_files >= 0),
  -- Files kept and files promised together, so that a promise that is kept does not touch the row.
  charged_bytes bigint not null default 0 check (charged_bytes >= 0),
  charged_files bigint not null default 0 check (charged_files >= 0)
);

comment on table waybill.quotas is 'What each owner may keep, and has been charged for: live files and reservations.';

create table waybill.reservations (
  -- Of the file that is coming in.
  id         text primary key,
  owner      text not null,
  bytes      bigint not null check (bytes >= 0),
  -- The installation that receives the file and renews the lease. Null: an upload's, which holds it as long as it is there.
  holder     text,
  expires_at timestamptz(3),
  check ((holder is null) = (expires_at is null))
);

comment on table waybill.reservations is 'Room charged for files that are not complete. The row goes as its file comes.';

create index reservations_by_owner on waybill.reservations (owner);
create index reservations_by_expiry on waybill.reservations (expires_at) where expires_at is not null;
create index uploads_by_owner on waybill.uploads (owner);

alter table waybill.quotas enable row level security;
alter table waybill.reservations enable row level security;

-- A file is recorded only in room that was reserved for it. The reservation ends with it, and what it did not need is given
-- back. WB001: the reservation is gone or too small, so the file has to be charged for anew before it can be recorded.
create function waybill.settle_reservations() returns trigger
language plpgsql as $$
declare
  settled bigint := 0;
  ended record;
begin
  for ended in
    with gone as (
      delete from waybill.reservations using added where reservations.id = added.id
      returning reservations.owner, reservations.bytes - added.bytes as surplus
    )
    select owner, count(*) as files, sum(surplus) as surplus, min(surplus) as least from gone group by owner
    -- Always in the same order, so that nobody waits in a circle.
    order by owner
  loop
    if ended.least < 0 then
      raise exception 'a reservation does not cover its file' using errcode = 'WB001';
    end if;
    settled := settled + ended.files;
    if ended.surplus > 0 then
      update waybill.quotas set charged_bytes = charged_bytes - ended.surplus where owner = ended.owner;
    end if;
  end loop;
  if settled <> (select count(*) from added) then
    raise exception 'a reservation is gone' using errcode = 'WB001';
  end if;
  return null;
end
$$;

create trigger settle_reservations after insert on waybill.files
  referencing new table as added for each statement execute function waybill.settle_reservations();

-- A deleted file is not charged for, whoever deletes it.
create function waybill.refund_file() returns trigger
language plpgsql as $$
begin
  update waybill.quotas set charged_bytes = charged_bytes - new.bytes, charged_files = charged_files - 1
    where owner = new.owner;
  return null;
end
$$;

create trigger refund_file after update of deleted_at on waybill.files
  for each row when (old.deleted_at is null and new.deleted_at is not null) execute function waybill.refund_file();

-- An upload that is given up gives its room back; of one that has become a file, the reservation is settled by now.
create function waybill.release_upload() returns trigger
language plpgsql as $$
begin
  with gone as (
    delete from waybill.reservations where id = old.id returning owner, bytes
  )
  update waybill.quotas set charged_bytes = charged_bytes - gone.bytes, charged_files = charged_files - 1
    from gone where quotas.owner = gone.owner;
  return null;
end
$$;

create trigger release_upload after delete on waybill.uploads
  for each row execute function waybill.release_upload();

-- What was there before there were quotas.
insert into waybill.reservations (id, owner, bytes)
  select id, owner, coalesce(length, 0) from waybill.uploads;
insert into waybill.quotas (owner, charged_bytes, charged_files)
  select owner, sum(bytes), count(*) from (
    select owner, bytes from waybill.files where deleted_at is null
    union all
    select owner, bytes from waybill.reservations
  ) as kept group by owner;
