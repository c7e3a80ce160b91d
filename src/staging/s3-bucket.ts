import type { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { BlobMissingError } from '../core/blob-store.ts';
import { GatewayError } from '../core/errors.ts';
import { StartupError } from '../platform/startup-error.ts';
import { assertStored } from './s3-checksum.ts';
import { isStatus, reasonOf, toStoreError, UploadGoneError } from './s3-faults.ts';

export interface S3Account {
  /** Unset: AWS. */
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A part that is in the bucket, as its upload's completion has to name it. */
export interface S3Part {
  readonly etag: string;
  /** Base64; absent where the server keeps none. */
  readonly crc32?: string | undefined;
}

export interface S3Upload {
  readonly name: string;
  readonly uploadId: string;
}

interface ObjectRange {
  readonly start: number;
  /** One past the last byte; infinite for all that there is. */
  readonly end: number;
  readonly signal?: AbortSignal | undefined;
}

/** What is found of an object from a range's start on. */
interface FoundRange {
  /** Of buffers. */
  readonly bytes: Readable;
  /** One past the last byte that `bytes` will have brought. */
  readonly end: number;
}

/**
 * One bucket, in the calls that a blob store needs. They reject as `toStoreError` says, after the SDK's own retries, and
 * with the signal's reason when they were told to stop.
 */
export interface S3Bucket {
  /** Puts an object, and checks that what arrived is what was sent. */
  put(name: string, body: Buffer, signal?: AbortSignal): Promise<void>;
  /** Null when the object has no byte in the range. */
  get(name: string, range: ObjectRange): Promise<FoundRange | null>;
  /** The size in bytes; null when there is no such object. */
  sizeOf(name: string): Promise<number | null>;
  /** Succeeds when there is none. */
  remove(name: string): Promise<void>;
  /** The objects whose names begin so. */
  namesUnder(prefix: string): Promise<readonly string[]>;
  /** Of at most 5 GiB, S3's rule. */
  copy(from: string, to: string): Promise<void>;
  beginUpload(name: string): Promise<S3Upload>;
  /** `number` counts from 1. */
  putPart(upload: S3Upload, number: number, body: Buffer, signal?: AbortSignal): Promise<S3Part>;
  /** Makes a part of bytes that an object has, without moving them here. */
  copyPart(upload: S3Upload, number: number, from: ObjectRange & { readonly name: string }): Promise<S3Part>;
  /** Rejects with `UploadGoneError` also when an earlier answer to the same call was lost. */
  complete(upload: S3Upload, parts: readonly S3Part[]): Promise<void>;
  hasUpload(upload: S3Upload): Promise<boolean>;
  /** Succeeds when there is none. */
  abort(upload: S3Upload): Promise<void>;
  /** Those of an object that are neither completed nor aborted. */
  uploadsOf(name: string): Promise<readonly S3Upload[]>;
  close(): void;
}

/** With the SDK's backoff, some ten seconds of an endpoint that is away. */
const ATTEMPTS = 8;
const ATTEMPTS_AT_START = 3;
const CONNECT_MS = 5_000;
/** Without a byte moving. */
const IDLE_MS = 30_000;
const SOCKETS = 64;

const createClient = (account: S3Account, maxAttempts: number): S3Client => {
  const { endpoint, region, accessKeyId, secretAccessKey } = account;
  return new S3Client({
    region,
    credentials: { accessKeyId, secretAccessKey },
    // Supabase and most self-hosted servers have no host name for each bucket.
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    maxAttempts,
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: IDLE_MS,
      httpAgent: { maxSockets: SOCKETS },
      httpsAgent: { maxSockets: SOCKETS },
    },
    // A blob's own hash is checked by whoever delivers it; that of a range is on no server's record.
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
};

/** Makes sure that the bucket is there and lets us in; rejects with a `StartupError` that names the variable to mend. */
export const openS3Bucket = async (account: S3Account): Promise<S3Bucket> => {
  const asking = createClient(account, ATTEMPTS_AT_START);
  try {
    await asking.send(new HeadBucketCommand({ Bucket: account.bucket }));
  } catch (error) {
    throw new StartupError(explain(error, account), { cause: new Error(reasonOf(error)) });
  } finally {
    asking.destroy();
  }
  return connect(createClient(account, ATTEMPTS), account.bucket);
};

const explain = (error: unknown, { bucket, endpoint }: S3Account): string => {
  if (isStatus(error, 404)) return `There is no bucket "${bucket}"; create it, or set S3_BUCKET to another.`;
  if (isStatus(error, 401) || isStatus(error, 403))
    return `The object storage refuses the credentials for bucket "${bucket}"; check S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY.`;
  if (isStatus(error, 301) || isStatus(error, 400))
    return `Bucket "${bucket}" is not to be reached like this; check S3_REGION and S3_ENDPOINT.`;
  const where = endpoint ?? 'AWS';
  return `The object storage at ${where} cannot be reached (${reasonOf(error)}); check S3_ENDPOINT and that it runs.`;
};

const attempt = async <Result>(run: () => Promise<Result>, signal?: AbortSignal): Promise<Result> => {
  try {
    return await run();
  } catch (error) {
    signal?.throwIfAborted();
    throw toStoreError(error);
  }
};

const connect = (client: S3Client, Bucket: string): S3Bucket => ({
  ...objectCalls(client, Bucket),
  ...uploadCalls(client, Bucket),
  close: () => client.destroy(),
});

type ObjectCalls = Pick<S3Bucket, 'put' | 'get' | 'sizeOf' | 'remove' | 'namesUnder' | 'copy'>;

const objectCalls = (client: S3Client, Bucket: string): ObjectCalls => ({
  put: (Key, Body, signal) =>
    attempt(async () => {
      const command = new PutObjectCommand({ Bucket, Key, Body, ChecksumAlgorithm: 'CRC32' });
      assertStored(Body, await client.send(command, abortedBy(signal)));
    }, signal),
  get: async (Key, { start, end, signal }) => {
    const last = Number.isFinite(end) ? `${end - 1}` : '';
    const command = new GetObjectCommand({ Bucket, Key, Range: `bytes=${start}-${last}` });
    try {
      const { Body, ContentLength = 0 } = await client.send(command, abortedBy(signal));
      return Body === undefined ? null : { bytes: Body as Readable, end: start + ContentLength };
    } catch (error) {
      signal?.throwIfAborted();
      if (isStatus(error, 416)) return null;
      throw toStoreError(error);
    }
  },
  sizeOf: (Key) =>
    orWhenGone(null, async () => {
      const { ContentLength } = await client.send(new HeadObjectCommand({ Bucket, Key }));
      return ContentLength ?? 0;
    }),
  remove: (Key) =>
    orWhenGone(undefined, async () => void (await client.send(new DeleteObjectCommand({ Bucket, Key })))),
  namesUnder: (Prefix) =>
    attempt(async () => {
      const names: string[] = [];
      for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket, Prefix }))
        names.push(...Contents.flatMap(({ Key = [] }) => Key));
      return names;
    }),
  copy: (from, Key) =>
    attempt(async () => {
      await client.send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/${from}` }));
    }),
});

type UploadCalls = Omit<S3Bucket, keyof ObjectCalls | 'close'>;

const uploadCalls = (client: S3Client, Bucket: string): UploadCalls => ({
  beginUpload: (Key) =>
    attempt(async () => {
      const command = new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: 'CRC32' });
      return { name: Key, uploadId: required((await client.send(command)).UploadId) };
    }),
  putPart: (upload, PartNumber, Body, signal) =>
    attempt(async () => {
      const place = { Bucket, Key: upload.name, UploadId: upload.uploadId, PartNumber };
      const command = new UploadPartCommand({ ...place, Body, ChecksumAlgorithm: 'CRC32' });
      const answer = await client.send(command, abortedBy(signal));
      assertStored(Body, answer);
      return { etag: required(answer.ETag), crc32: answer.ChecksumCRC32 };
    }, signal),
  copyPart: (upload, PartNumber, { name, start, end, signal }) =>
    attempt(async () => {
      const place = { Bucket, Key: upload.name, UploadId: upload.uploadId, PartNumber };
      const source = { CopySource: `${Bucket}/${name}`, CopySourceRange: `bytes=${start}-${end - 1}` };
      const command = new UploadPartCopyCommand({ ...place, ...source });
      const { CopyPartResult } = await client.send(command, abortedBy(signal));
      return { etag: required(CopyPartResult?.ETag), crc32: CopyPartResult?.ChecksumCRC32 };
    }, signal),
  complete: ({ name: Key, uploadId: UploadId }, parts) =>
    attempt(async () => {
      const Parts = parts.map(({ etag: ETag, crc32: ChecksumCRC32 }, index) => ({
        PartNumber: index + 1,
        ETag,
        ...(ChecksumCRC32 === undefined ? {} : { ChecksumCRC32 }),
      }));
      const command = { Bucket, Key, UploadId, MultipartUpload: { Parts } };
      await client.send(new CompleteMultipartUploadCommand(command));
    }),
  hasUpload: ({ name: Key, uploadId: UploadId }) =>
    orWhenGone(false, async () => {
      await client.send(new ListPartsCommand({ Bucket, Key, UploadId, MaxParts: 1 }));
      return true;
    }),
  abort: ({ name: Key, uploadId: UploadId }) =>
    orWhenGone(
      undefined,
      async () => void (await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))),
    ),
  uploadsOf: (name) =>
    attempt(async () => {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: name }));
      return Uploads.filter(({ Key }) => Key === name).map(({ UploadId }) => ({
        name,
        uploadId: required(UploadId),
      }));
    }),
});

const abortedBy = (signal: AbortSignal | undefined): { abortSignal?: AbortSignal } =>
  signal === undefined ? {} : { abortSignal: signal };

/** An answer without what the protocol promises is nobody's that we know. */
const required = (value: string | undefined): string => {
  if (value !== undefined && value !== '') return value;
  const cause = new Error('The object storage left out an id or an ETag.');
  throw new GatewayError('unavailable', 'The object storage answered in a way that is not S3.', { cause });
};

const orWhenGone = async <Result>(otherwise: Result, run: () => Promise<Result>): Promise<Result> => {
  try {
    return await attempt(run);
  } catch (error) {
    if (error instanceof BlobMissingError || error instanceof UploadGoneError) return otherwise;
    throw error;
  }
};
