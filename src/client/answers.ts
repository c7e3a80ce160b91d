import type { DeliveryStatus, FileStatus } from '../core/file.ts';
import type { ProviderId } from '../core/provider.ts';

/** What the HTTP API answers, as `docs/http.md` has it. Times are Unix seconds, sizes bytes. */

/** A copy at one provider. */
export interface DeliveryObject {
  provider: ProviderId;
  /** The id at the provider, once it has one. */
  provider_file_id: string | null;
  /** In the provider's vocabulary. */
  purpose: string;
  status: DeliveryStatus;
  /** Why this provider was chosen or refused. */
  reason: string;
  bytes_sent: number;
  attempts: number;
  /** Why the last attempt failed. */
  error: { code: string; message: string } | null;
  /** When the provider deletes it. */
  expires_at: number | null;
  updated_at: number;
}

/** OpenAI's File object with what Waybill adds. */
export interface FileObject {
  id: string;
  object: 'file';
  bytes: number;
  created_at: number;
  expires_at: number | null;
  filename: string;
  purpose: string;
  status: FileStatus;
  status_details: string | null;
  /** Lower-case hex. */
  sha256: string;
  media_type: string;
  deliveries: DeliveryObject[];
}

/** One page of files. */
export interface FileList {
  object: 'list';
  data: FileObject[];
  first_id: string | null;
  last_id: string | null;
  has_more: boolean;
}

export interface DeletedFile {
  id: string;
  object: 'file';
  deleted: true;
  /** Whether every provider has confirmed that its copy is gone. */
  removed_from_providers: boolean;
}

/** What a provider takes, and how much of it is used. */
export interface ProviderObject {
  id: ProviderId;
  object: 'provider';
  account: string;
  /** True when no key is configured and an emulator stands in. */
  emulated: boolean;
  limits: {
    max_file_bytes: number;
    max_files: number | null;
    max_total_bytes: number | null;
    lifetime_seconds: number | null;
  };
  purposes: Record<string, { purpose: string; extensions: string[] | null }>;
  /** What it gives back for a file: the text it extracted, or nothing. */
  content: 'extracted-text' | 'none';
  used: { files: number; bytes: number };
  /** Deliveries wait while it is `open`. */
  breaker: 'closed' | 'open' | 'half_open';
  last_activity_at: number | null;
}

export interface ProviderList {
  object: 'list';
  data: ProviderObject[];
}

/** What an owner may keep and keeps. */
export interface QuotaObject {
  object: 'quota';
  owner: string;
  bytes: QuotaShare;
  files: QuotaShare;
}

interface QuotaShare {
  /** Null: none. */
  limit: number | null;
  used: number;
  /** For uploads that are not complete. */
  reserved: number;
}

/** A file on its way into the gateway, which no record has yet. */
export interface FileProgress {
  /** The id that the file will have. */
  id: string;
  filename: string;
  /** As announced; null when the client did not say. */
  bytes: number | null;
  received_bytes: number;
  hashed_bytes: number;
  /** Providers that are sent the file while it comes in. */
  deliveries: { provider: ProviderId; bytes_sent: number }[];
}

/** The newest state of one file. `id` is what `since` takes, to go on from there. */
export type FileEvent = { readonly id: string } & (
  | { readonly type: 'file.progress'; readonly data: FileProgress }
  | { readonly type: 'file.updated'; readonly data: FileObject }
  | { readonly type: 'file.deleted' | 'file.aborted'; readonly data: { id: string } }
);

/** OpenAI's error envelope, with what Waybill adds. */
export interface ErrorAnswer {
  error: {
    message: string;
    type: string;
    code: string;
    param: string | null;
    request_id: string;
    /** The file that stayed although the request failed. */
    file_id?: string | undefined;
  };
}
