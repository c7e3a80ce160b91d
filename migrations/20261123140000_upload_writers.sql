-- Who writes an upload that several instances may go on with, and how much of it all of them can see.

alter table waybill.uploads
  -- The installation that has its bytes open or had them last. Null: nobody has begun.
  add column writer      text,
  -- While a request is at it, which renews this. Whoever is late may be taken over.
  add column busy_until  timestamptz(3),
  -- Another instance waits for the request that is at it to end.
  add column is_wanted   boolean not null default false,
  -- Each writer has a blob of its own. The one that this writer has not fetched yet, so that it must stay.
  add column taken_from  text unique,
  -- How much of it the writer has made durable and may tell: what the next one fetches. Null: nothing yet, or the blobs
  -- belong to one instance, and the blob itself says.
  add column saved_bytes bigint check (saved_bytes >= 0);
