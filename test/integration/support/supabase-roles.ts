/**
 * The roles that PostgREST of a Supabase project works as, made as Supabase makes them; roles are the whole server's. Source:
 * supabase/postgres, init-scripts/00000000000000-initial-schema.sql.
 */
export const SUPABASE_ROLES = `
  do $$ begin
    if not exists (select from pg_roles where rolname = 'anon') then
      create role anon nologin noinherit;
      create role authenticated nologin noinherit;
      create role service_role nologin noinherit bypassrls;
      create role authenticator noinherit login;
      grant anon, authenticated, service_role to authenticator;
    end if;
  end $$`;
