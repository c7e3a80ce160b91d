-- Witnesses of time, so that a grace that is over stays over whatever the clock says later.

create table waybill.auth_graces (
  -- AUTH_GRACE_UNTIL, which is what a grace is known by.
  until     timestamptz(3) primary key,
  opened_at timestamptz(3) not null,
  -- The latest time at which a gateway has looked. It only ever grows.
  latest_at timestamptz(3) not null
);

comment on table waybill.auth_graces is 'Periods in which requests without a token are let in, and how far time has got in each.';

alter table waybill.auth_graces enable row level security;
