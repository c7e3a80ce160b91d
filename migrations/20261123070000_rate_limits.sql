-- How many calls each user and address has made in its minute, where several instances share the limits.

-- Not logged: counters of a minute are not worth a write to disk, and a crash may forget them.
create unlogged table waybill.rate_limits (
  -- Digests, so that neither who asks nor where from can be read here.
  key    varchar(255) primary key,
  points integer not null default 0,
  -- When the minute ends, in milliseconds since 1970. The order of the columns is the one that
  -- rate-limiter-flexible writes in.
  expire bigint
);

comment on table waybill.rate_limits is 'Rate limits of the running minute. What has expired is removed every minute.';

alter table waybill.rate_limits enable row level security;
