-- When a delivery that waits may be tried again: a job that comes earlier, such as the one of a worker that died, leaves it.

alter table waybill.provider_file_uploads add column due_at timestamptz(3);
