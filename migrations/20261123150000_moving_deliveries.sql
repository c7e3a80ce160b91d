-- What waits, is being sent or is being removed is counted every few seconds; it is little among all that has ended.
create index provider_file_uploads_moving on waybill.provider_file_uploads (provider, status)
  where status in ('pending', 'uploading', 'processing', 'deleting');
