-- Users of PostgREST and supabase-js read their own files and copies, and nothing else. Only where Supabase's roles are; a
-- Postgres without them is left as it is. The gateway's own role owns the tables and passes.

do $$
begin
  if (select count(*) from pg_roles where rolname in ('anon', 'authenticated', 'service_role')) < 3 then
    return;
  end if;

  -- What the HTTP API tells of a file and of its copies. Where blobs rest, which account was used, what is claimed by whom
  -- and what an upload goes on with stay inside.
  grant usage on schema waybill to anon, authenticated, service_role;
  grant select (id, owner, filename, media_type, bytes, sha256, purpose, status, status_details, created_at, expires_at)
    on waybill.files to anon, authenticated, service_role;
  grant select (id, file_id, provider, provider_file_id, purpose, status, reason, attempts, bytes_sent, error_code,
      error_message, last_used_at, expires_at, created_at, updated_at)
    on waybill.provider_file_uploads to anon, authenticated, service_role;
  -- A server of the project's own may look at who keeps how much and at what was asked for.
  grant select on waybill.quotas, waybill.audit to service_role;

  -- The select around the claim lets the planner evaluate it once rather than for every row. A claim that is not a string
  -- is nobody's name.
  create policy files_of_owner on waybill.files for select to authenticated using (
    deleted_at is null
    and (expires_at is null or expires_at > now())
    and owner = (
      select claims ->> 'sub'
      from (select nullif(current_setting('request.jwt.claims', true), '')::jsonb as claims) as request
      where jsonb_typeof(claims -> 'sub') = 'string'
    )
  );
  -- Of the files that the reader sees, which the policy above decides. As an array they are found once, and their copies by
  -- the index that has a file's copies; it has none that are deleted.
  create policy provider_file_uploads_of_owner on waybill.provider_file_uploads for select to authenticated using (
    status <> 'deleted' and file_id = any (array(select files.id from waybill.files))
  );
end
$$;

-- What Waybill writes down about itself is for nobody else either. It is not there yet where another tool applies this.
alter table if exists waybill.schema_migrations enable row level security;
alter table if exists waybill.schema_migrations_lock enable row level security;
