import type { DeletedFile } from '../api/deleted-file.ts';
import type { FileList } from '../api/file-list.ts';
import type { FileObject } from '../api/file-object.ts';
import type { QuotaObject } from '../api/quota-object.ts';
import type { UploadUrlObject } from '../api/upload-url-object.ts';

/**
 * What the tools do, for one owner: over this gateway's pipeline, or over the API of another gateway. Everything rejects
 * with `GatewayError` or `ClientError` for what the caller can understand, and with the reason of `signal` once that is
 * aborted.
 */
export interface Files {
  /** Takes in the file at a path. Resolves once its bytes are safe; aborted before that, nothing is kept. */
  upload(file: PathToUpload): Promise<FileObject>;
  /** The file, once its deliveries have ended or the wait is over. */
  settled(id: string, options: Settling): Promise<FileObject>;
  createUploadUrl(wanted: WantedUploadUrl): Promise<UploadUrlObject>;
  list(query: ListQuery): Promise<FileList>;
  /** The original bytes from `start` on, or what `provider` makes of its copy, which is always whole. */
  content(id: string, query: ContentQuery): Promise<Content>;
  deliver(id: string, to: { readonly provider: string } & Abortable): Promise<FileObject>;
  /** Durable once it resolves; removal at the providers goes on in the background. */
  delete(id: string, options: Abortable): Promise<DeletedFile>;
  quota(options: Abortable): Promise<QuotaObject>;
  /** Providers that give back the text they extract, in the order in which they are asked for it. */
  textProviders(options: Abortable): Promise<readonly string[]>;
}

interface Abortable {
  readonly signal: AbortSignal;
}

export interface PathToUpload extends Abortable {
  /** As the model wrote it. */
  readonly path: string;
  /** `auto` (default), `none`, or names with commas between. */
  readonly provider: string | undefined;
  readonly purpose: string | undefined;
  /** Called with the total of bytes taken so far, which never falls, and the size. */
  readonly onProgress: (sentBytes: number, totalBytes: number) => void;
}

interface Settling extends Abortable {
  readonly waitMs: number;
  /** Called when the file or one of its deliveries has changed. */
  readonly onChange?: (file: FileObject) => void;
}

interface WantedUploadUrl extends Abortable {
  readonly filename: string;
  readonly sizeBytes: number | undefined;
  readonly provider: string | undefined;
}

interface ListQuery extends Abortable {
  readonly limit: number;
  readonly after: string | undefined;
  readonly q: string | undefined;
  readonly provider: string | undefined;
  readonly status: FileObject['status'] | undefined;
}

interface ContentQuery extends Abortable {
  readonly provider: string | undefined;
  readonly start: number;
}

export interface Content {
  readonly mediaType: string;
  /** Of the original; null for what a provider makes of it. */
  readonly sizeBytes: number | null;
  /** The caller must read it to the end or end the iteration. */
  readonly body: AsyncIterable<Uint8Array>;
}
