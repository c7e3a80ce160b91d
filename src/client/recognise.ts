import type { DeletedFile } from '../api/deleted-file.ts';
import type { FileProgress } from '../api/event-object.ts';
import type { FileList } from '../api/file-list.ts';
import type { FileObject } from '../api/file-object.ts';
import type { PassList, PassObject } from '../api/pass-object.ts';
import type { ProviderList } from '../api/provider-object.ts';
import type { QuotaObject } from '../api/quota-object.ts';
import type { StatisticsObject } from '../api/statistics-object.ts';
import type { UploadUrlObject } from '../api/upload-url-object.ts';

/** Whether an answer is of the kind asked for, so that another server at the address is noticed, not misread. */
export const isFileObject = (json: unknown): json is FileObject =>
  isRecord(json) &&
  json.object === 'file' &&
  ['id', 'filename', 'purpose', 'status', 'sha256', 'media_type'].every(
    (field) => typeof json[field] === 'string',
  ) &&
  typeof json.bytes === 'number' &&
  Array.isArray(json.deliveries) &&
  json.deliveries.every(isDelivery);

export const isFileList = (json: unknown): json is FileList =>
  isRecord(json) && json.object === 'list' && Array.isArray(json.data) && json.data.every(isFileObject);

export const isDeletedFile = (json: unknown): json is DeletedFile =>
  isRecord(json) && json.object === 'file' && json.deleted === true;

export const isProviderList = (json: unknown): json is ProviderList =>
  isRecord(json) &&
  json.object === 'list' &&
  Array.isArray(json.data) &&
  json.data.every((item) => isRecord(item) && item.object === 'provider');

export const isQuotaObject = (json: unknown): json is QuotaObject =>
  isRecord(json) && json.object === 'quota' && isRecord(json.bytes) && isRecord(json.files);

export const isPass = (json: unknown): json is PassObject =>
  isRecord(json) &&
  json.object === 'pass' &&
  ['id', 'kind', 'status'].every((field) => typeof json[field] === 'string') &&
  (json.report === null || isRecord(json.report));

export const isPassList = (json: unknown): json is PassList =>
  isRecord(json) && json.object === 'list' && Array.isArray(json.data) && json.data.every(isPass);

export const isStatistics = (json: unknown): json is StatisticsObject =>
  isRecord(json) &&
  json.object === 'statistics' &&
  Array.isArray(json.points) &&
  json.points.every(
    (point) => isRecord(point) && typeof point.at === 'number' && isRecord(point.delivered),
  ) &&
  isRecord(json.totals) &&
  isRecord(json.now);

export const isUploadUrl = (json: unknown): json is UploadUrlObject =>
  isRecord(json) &&
  json.object === 'upload_url' &&
  typeof json.url === 'string' &&
  isRecord(json.headers) &&
  typeof json.expires_at === 'number';

export const isFileProgress = (json: unknown): json is FileProgress =>
  isFileReference(json) &&
  'received_bytes' in json &&
  typeof json.received_bytes === 'number' &&
  'deliveries' in json &&
  Array.isArray(json.deliveries);

export const isFileReference = (json: unknown): json is { id: string } =>
  isRecord(json) && typeof json.id === 'string';

const isDelivery = (item: unknown): boolean =>
  isRecord(item) && typeof item.provider === 'string' && typeof item.status === 'string';

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;
