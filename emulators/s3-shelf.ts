import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { S3Error } from './s3-answers.ts';

/** Bytes at rest on disk. */
export interface StoredBytes {
  readonly path: string;
  readonly sizeBytes: number;
  readonly md5: string;
  readonly sha256: string;
  /** Base64. */
  readonly crc32: string;
}

export interface S3Object extends StoredBytes {
  readonly etag: string;
  readonly lastModified: Date;
}

export interface MultipartUpload {
  readonly id: string;
  readonly name: string;
  readonly initiated: Date;
  /** By number, from 1. */
  readonly parts: Map<number, StoredBytes>;
}

/** One bucket's objects and multipart uploads, their bytes as files of a directory that the caller owns. */
export class S3Shelf {
  readonly objects = new Map<string, S3Object>();
  readonly uploads = new Map<string, MultipartUpload>();
  readonly #directory: string;
  #lastFile = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Writes a body to a file of its own as it comes. */
  async take(body: Readable): Promise<StoredBytes> {
    const path = this.#newPath();
    const md5 = createHash('md5');
    const sha256 = createHash('sha256');
    let crc = 0;
    let sizeBytes = 0;
    const noting = async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of source) {
        md5.update(chunk);
        sha256.update(chunk);
        crc = crc32(chunk, crc);
        sizeBytes += chunk.length;
        yield chunk;
      }
    };
    await pipeline(body, noting, createWriteStream(path));
    const four = Buffer.alloc(4);
    four.writeUInt32BE(crc);
    return {
      path,
      sizeBytes,
      md5: md5.digest('hex'),
      sha256: sha256.digest('hex'),
      crc32: four.toString('base64'),
    };
  }

  async putObject(name: string, bytes: StoredBytes, etag = bytes.md5): Promise<S3Object> {
    const object = { ...bytes, etag, lastModified: new Date() };
    const before = this.objects.get(name);
    this.objects.set(name, object);
    if (before !== undefined) await rm(before.path, { force: true });
    return object;
  }

  object(name: string): S3Object {
    const object = this.objects.get(name);
    if (object === undefined) throw new S3Error(404, 'NoSuchKey');
    return object;
  }

  async removeObject(name: string): Promise<void> {
    const object = this.objects.get(name);
    this.objects.delete(name);
    if (object !== undefined) await rm(object.path, { force: true });
  }

  /** A copy of an object, or of bytes `[start, end)` of it. */
  async copyOf(name: string, range?: { readonly start: number; readonly end: number }): Promise<StoredBytes> {
    const source = this.object(name);
    if (range !== undefined) {
      if (range.end > source.sizeBytes) throw new S3Error(400, 'InvalidRange');
      return await this.take(createReadStream(source.path, { start: range.start, end: range.end - 1 }));
    }
    const path = this.#newPath();
    await copyFile(source.path, path);
    return { ...source, path };
  }

  upload(name: string, id: string): MultipartUpload {
    const upload = this.uploads.get(id);
    if (upload === undefined || upload.name !== name) throw new S3Error(404, 'NoSuchUpload');
    return upload;
  }

  async putPart(upload: MultipartUpload, number: number, bytes: StoredBytes): Promise<void> {
    const before = upload.parts.get(number);
    upload.parts.set(number, bytes);
    if (before !== undefined) await rm(before.path, { force: true });
  }

  /** Makes an object of the parts named, in that order, and drops the others. */
  async complete(upload: MultipartUpload, parts: readonly StoredBytes[]): Promise<S3Object> {
    const whole = await this.take(Readable.from(eachByteOf(parts)));
    const md5 = createHash('md5');
    for (const part of parts) md5.update(Buffer.from(part.md5, 'hex'));
    const object = await this.putObject(upload.name, whole, `${md5.digest('hex')}-${parts.length}`);
    await this.dropUpload(upload);
    return object;
  }

  async dropUpload(upload: MultipartUpload): Promise<void> {
    this.uploads.delete(upload.id);
    await Promise.all([...upload.parts.values()].map(({ path }) => rm(path, { force: true })));
  }

  #newPath(): string {
    this.#lastFile += 1;
    return join(this.#directory, `${this.#lastFile}`);
  }
}

const eachByteOf = async function* (parts: readonly StoredBytes[]): AsyncGenerator<Buffer> {
  for (const { path } of parts) {
    if ((await stat(path)).size > 0) yield* createReadStream(path) as AsyncIterable<Buffer>;
  }
};
