-- Reconciliation: which delivery has sent a file that a provider's list shows, by the mark in the file's name, which is
-- the last group of the delivery's id.

create index provider_file_uploads_by_mark on waybill.provider_file_uploads (provider, right(id::text, 12));
