-- Following what changes: events are resumed from a time.

-- Rows change soon after they are made, so time follows their place in the table, which is all that BRIN needs. Being a
-- summary, it leaves updates of a delivery's progress in place (heap-only), which a B-tree would not.
create index provider_file_uploads_changed
  on waybill.provider_file_uploads using brin (updated_at) with (pages_per_range = 16, autosummarize = on);

create index files_deleted on waybill.files (owner, deleted_at) where deleted_at is not null;
