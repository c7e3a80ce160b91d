-- Whether an upload may be of bytes that its owner has already, asked before they have come in.

create index files_by_size on waybill.files (owner, bytes) where deleted_at is null;
