import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { answerEmpty, answerXml, readParts, S3Error } from './s3-answers.ts';
import type { S3Shelf, StoredBytes } from './s3-shelf.ts';

/** One request to the bucket. */
export interface S3Call {
  readonly shelf: S3Shelf;
  readonly bucket: string;
  /** Of the object; empty for the bucket itself. */
  readonly name: string;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly rules: S3Rules;
  /** What to spoil; see `S3Fault`. */
  readonly spoil: 'cut' | 'corrupt' | null;
}

export interface S3Rules {
  /** What a part has at least that is not the last; S3: 5 MiB. */
  readonly leastPartBytes: number;
  /** Whether checksums are compared and kept; Supabase Storage does neither. */
  readonly checksums: boolean;
}

/** What S3 calls the operation of a request, which is also how a fault names it. */
export const operationOf = ({ name, query, request }: Pick<S3Call, 'name' | 'query' | 'request'>): string => {
  const { method = '', headers } = request;
  const isCopy = headers['x-amz-copy-source'] !== undefined;
  if (name === '') {
    if (method === 'HEAD') return 'HeadBucket';
    return query.has('uploads') ? 'ListMultipartUploads' : 'ListObjectsV2';
  }
  if (query.has('uploads')) return 'CreateMultipartUpload';
  if (query.has('uploadId')) {
    const inUpload: Readonly<Record<string, string>> = {
      PUT: isCopy ? 'UploadPartCopy' : 'UploadPart',
      POST: 'CompleteMultipartUpload',
      DELETE: 'AbortMultipartUpload',
      GET: 'ListParts',
    };
    return inUpload[method] ?? method;
  }
  const ofObject: Readonly<Record<string, string>> = {
    PUT: isCopy ? 'CopyObject' : 'PutObject',
    GET: 'GetObject',
    HEAD: 'HeadObject',
    DELETE: 'DeleteObject',
  };
  return ofObject[method] ?? method;
};

export const s3Calls: Readonly<Record<string, (call: S3Call) => Promise<void> | void>> = {
  HeadBucket: ({ response }) => answerEmpty(response, 200),
  ListObjectsV2: ({ shelf, query, response, bucket }) => {
    const { page, next } = pageOf(
      [...shelf.objects.keys()],
      query,
      query.get('continuation-token'),
      'max-keys',
    );
    answerXml(response, {
      ListBucketResult: {
        Name: bucket,
        KeyCount: page.length,
        IsTruncated: next !== undefined,
        NextContinuationToken: next,
        Contents: page.map((Key) => ({
          Key,
          Size: shelf.object(Key).sizeBytes,
          ETag: quoted(shelf.object(Key).etag),
        })),
      },
    });
  },
  ListMultipartUploads: ({ shelf, query, response, bucket }) => {
    const uploads = [...shelf.uploads.values()].filter(({ name }) =>
      name.startsWith(query.get('prefix') ?? ''),
    );
    answerXml(response, {
      ListMultipartUploadsResult: {
        Bucket: bucket,
        IsTruncated: false,
        Upload: uploads.map(({ id, name, initiated }) => ({
          Key: name,
          UploadId: id,
          Initiated: initiated.toISOString(),
        })),
      },
    });
  },
  PutObject: async (call) => {
    const { etag, crc32 } = await call.shelf.putObject(call.name, await takeBody(call));
    answerEmpty(call.response, 200, storedHeaders(call, etag, crc32));
  },
  CopyObject: async (call) => {
    const { etag } = await call.shelf.putObject(call.name, await call.shelf.copyOf(sourceOf(call)));
    answerXml(call.response, { CopyObjectResult: { ETag: quoted(etag) } });
  },
  GetObject: async (call) => {
    const { shelf, name, request, response, spoil } = call;
    const { path, sizeBytes, etag } = shelf.object(name);
    const { start, end, isPartial } = rangeOf(request.headers.range, sizeBytes);
    response.writeHead(isPartial ? 206 : 200, {
      etag: quoted(etag),
      'content-length': end - start,
      'content-type': 'application/octet-stream',
      ...(isPartial ? { 'content-range': `bytes ${start}-${end - 1}/${sizeBytes}` } : {}),
    });
    if (end === start) return void response.end();
    const stop = spoil === 'cut' ? start + Math.ceil((end - start) / 2) : end;
    const source = createReadStream(path, { start, end: stop - 1 });
    await pipeline(source, response, { end: spoil !== 'cut' });
    if (spoil === 'cut') response.destroy();
  },
  HeadObject: ({ shelf, name, response }) => {
    const { sizeBytes, etag } = shelf.object(name);
    answerEmpty(response, 200, { etag: quoted(etag), 'content-length': `${sizeBytes}` });
  },
  DeleteObject: async ({ shelf, name, response }) => {
    await shelf.removeObject(name);
    answerEmpty(response, 204);
  },
  CreateMultipartUpload: ({ shelf, name, response, bucket }) => {
    const id = randomUUID();
    shelf.uploads.set(id, { id, name, initiated: new Date(), parts: new Map() });
    answerXml(response, { InitiateMultipartUploadResult: { Bucket: bucket, Key: name, UploadId: id } });
  },
  UploadPart: async (call) => {
    const bytes = await takeBody(call);
    await call.shelf.putPart(uploadOf(call), numberOf(call), bytes);
    answerEmpty(call.response, 200, storedHeaders(call, bytes.md5, bytes.crc32));
  },
  UploadPartCopy: async (call) => {
    const [, start, end] =
      /^bytes=(\d+)-(\d+)$/u.exec(`${call.request.headers['x-amz-copy-source-range']}`) ?? [];
    const bytes = await call.shelf.copyOf(sourceOf(call), { start: Number(start), end: Number(end) + 1 });
    await call.shelf.putPart(uploadOf(call), numberOf(call), bytes);
    const ChecksumCRC32 = call.rules.checksums ? bytes.crc32 : undefined;
    answerXml(call.response, { CopyPartResult: { ETag: quoted(bytes.md5), ChecksumCRC32 } });
  },
  CompleteMultipartUpload: async (call) => {
    const text = await readText(call.request);
    const upload = uploadOf(call);
    const named = readParts(text);
    const isOrdered = named.every(({ number }, index) => number > (named[index - 1]?.number ?? 0));
    if (!isOrdered) throw new S3Error(400, 'InvalidPartOrder');
    const parts = named.map(({ number, etag }, index) => {
      const part = upload.parts.get(number);
      if (part === undefined || part.md5 !== etag) throw new S3Error(400, 'InvalidPart');
      const isShort = part.sizeBytes < call.rules.leastPartBytes;
      if (isShort && index < named.length - 1) throw new S3Error(400, 'EntityTooSmall');
      return part;
    });
    if (parts.length === 0) throw new S3Error(400, 'MalformedXML');
    const { etag } = await call.shelf.complete(upload, parts);
    answerXml(call.response, { CompleteMultipartUploadResult: { Key: call.name, ETag: quoted(etag) } });
  },
  AbortMultipartUpload: async (call) => {
    await call.shelf.dropUpload(uploadOf(call));
    answerEmpty(call.response, 204);
  },
  ListParts: (call) => {
    const upload = uploadOf(call);
    const parts = [...upload.parts].toSorted(([a], [b]) => a - b);
    answerXml(call.response, {
      ListPartsResult: {
        UploadId: upload.id,
        IsTruncated: false,
        Part: parts.map(([PartNumber, { md5, sizeBytes }]) => ({
          PartNumber,
          ETag: quoted(md5),
          Size: sizeBytes,
        })),
      },
    });
  },
};

const quoted = (etag: string): string => `"${etag}"`;

const uploadOf = ({ shelf, name, query }: S3Call) => shelf.upload(name, query.get('uploadId') ?? '');

const numberOf = ({ query }: S3Call): number => {
  const number = Number(query.get('partNumber'));
  if (Number.isInteger(number) && number >= 1 && number <= 10_000) return number;
  throw new S3Error(400, 'InvalidArgument');
};

const sourceOf = ({ request, bucket }: S3Call): string => {
  const source = decodeURIComponent(`${request.headers['x-amz-copy-source']}`).replace(/^\//u, '');
  if (!source.startsWith(`${bucket}/`)) throw new S3Error(404, 'NoSuchBucket');
  return source.slice(bucket.length + 1);
};

/** A corrupt store answers with the checksums of what it has, which is not what it was sent. */
const storedHeaders = (
  { rules, spoil }: S3Call,
  md5: string,
  crc32: string,
): Readonly<Record<string, string>> => {
  const isCorrupt = spoil === 'corrupt';
  return {
    etag: quoted(isCorrupt ? '0'.repeat(32) : md5),
    ...(rules.checksums ? { 'x-amz-checksum-crc32': isCorrupt ? 'AAAAAA==' : crc32 } : {}),
  };
};

/** Takes a body and holds it against what was said of it. */
const takeBody = async ({ shelf, request, rules }: S3Call): Promise<StoredBytes> => {
  const { headers } = request;
  if (headers['content-length'] === undefined) throw new S3Error(411, 'MissingContentLength');
  const announced = `${headers['x-amz-content-sha256']}`;
  // A body in signed chunks, which not every server of this kind takes.
  if (announced.startsWith('STREAMING-')) throw new S3Error(501, 'NotImplemented');
  const bytes = await shelf.take(request);
  if (/^[0-9a-f]{64}$/u.test(announced) && announced !== bytes.sha256)
    throw new S3Error(400, 'XAmzContentSHA256Mismatch');
  const crc32 = headers['x-amz-checksum-crc32'];
  if (rules.checksums && crc32 !== undefined && crc32 !== bytes.crc32) throw new S3Error(400, 'BadDigest');
  return bytes;
};

const readText = async (request: IncomingMessage): Promise<string> => {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
};

const rangeOf = (header: string | undefined, sizeBytes: number) => {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/u.exec(header ?? '') ?? [];
  if (first === undefined) return { start: 0, end: sizeBytes, isPartial: false };
  const start = Number(first);
  const end = last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  if (start >= sizeBytes || end <= start) throw new S3Error(416, 'InvalidRange');
  return { start, end, isPartial: true };
};

const pageOf = (names: readonly string[], query: URLSearchParams, after: string | null, limit: string) => {
  const most = Number(query.get(limit) ?? 1_000);
  const all = names.filter((name) => name.startsWith(query.get('prefix') ?? '')).toSorted();
  const left = all.filter((name) => after === null || name > after);
  return { page: left.slice(0, most), next: left.length > most ? left[most - 1] : undefined };
};
