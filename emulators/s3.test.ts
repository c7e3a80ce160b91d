import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type S3Emulator, startS3Emulator } from './s3.ts';

const MIB = 2 ** 20;
const Bucket = 'shelf';

let directory: string;
let emulator: S3Emulator;
let client: S3Client;

const connect = (accessKeyId = 'key-id'): S3Client =>
  new S3Client({
    endpoint: emulator.url,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey: 'secret' },
  });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 's3-emulator-'));
  emulator = await startS3Emulator({ directory, bucket: Bucket, accessKeyId: 'key-id' });
  client = connect();
});

afterAll(async () => {
  client.destroy();
  await emulator.close();
  await rm(directory, { recursive: true, force: true });
});

const put = (Key: string, text: string) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.from(text) }));

/** Uploads parts without completing. */
const uploadParts = async (Key: string, sizes: readonly number[]) => {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const Parts = [];
  for (const [index, size] of sizes.entries()) {
    const part = { Bucket, Key, UploadId, PartNumber: index + 1, Body: Buffer.alloc(size, `${index}`) };
    const { ETag } = await client.send(new UploadPartCommand(part));
    Parts.push({ ETag, PartNumber: index + 1 });
  }
  return { Bucket, Key, UploadId, MultipartUpload: { Parts } };
};

describe('the S3 emulator', () => {
  it('makes an object of parts, under an ETag that counts them', async () => {
    const upload = await uploadParts('whole', [5 * MIB, 10]);
    const { Parts = [] } = await client.send(new ListPartsCommand(upload));
    expect(Parts.map(({ Size }) => Size)).toEqual([5 * MIB, 10]);
    const { ETag } = await client.send(new CompleteMultipartUploadCommand(upload));
    expect(ETag).toMatch(/^"[0-9a-f]{32}-2"$/u);
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'whole' }));
    expect(head.ContentLength).toBe(5 * MIB + 10);
    const range = { Bucket, Key: 'whole', Range: `bytes=${5 * MIB - 2}-${5 * MIB + 1}` };
    const { Body } = await client.send(new GetObjectCommand(range));
    expect(await Body?.transformToString()).toBe('0011');
  });

  it('refuses what S3 refuses, by the names that S3 has for it', async () => {
    const small = await uploadParts('small', [10, 10]);
    await expect(client.send(new CompleteMultipartUploadCommand(small))).rejects.toThrow(
      expect.objectContaining({ name: 'EntityTooSmall' }),
    );
    const Parts = [{ ETag: '"0"', PartNumber: 1 }];
    const wrong = { ...small, MultipartUpload: { Parts } };
    const disordered = { ...small, MultipartUpload: { Parts: small.MultipartUpload.Parts.toReversed() } };
    const named = (name: string) => expect.objectContaining({ name });
    for (const [call, name] of [
      [() => client.send(new CompleteMultipartUploadCommand(wrong)), 'InvalidPart'],
      [() => client.send(new CompleteMultipartUploadCommand(disordered)), 'InvalidPartOrder'],
      [() => client.send(new ListPartsCommand({ ...small, UploadId: 'none' })), 'NoSuchUpload'],
      [() => client.send(new GetObjectCommand({ Bucket, Key: 'none' })), 'NoSuchKey'],
      [() => client.send(new HeadBucketCommand({ Bucket: 'none' })), 'NotFound'],
      [() => client.send(new CopyObjectCommand({ Bucket, Key: 'b', CopySource: 'shelf/none' })), 'NoSuchKey'],
    ] as const)
      await expect(call()).rejects.toThrow(named(name));
    await put('short', 'abc');
    const beyond = client.send(new GetObjectCommand({ Bucket, Key: 'short', Range: 'bytes=3-' }));
    await expect(beyond).rejects.toThrow(named('InvalidRange'));
  });

  it('compares the checksum of a body', async () => {
    const body = { Bucket, Key: 'bad', Body: Buffer.from('abc'), ChecksumCRC32: 'AAAAAA==' };
    await expect(client.send(new PutObjectCommand(body))).rejects.toThrow(
      expect.objectContaining({ name: 'BadDigest' }),
    );
    expect(emulator.objects.has('bad')).toBe(false);
  });

  it('lets in one access key', async () => {
    const stranger = connect('stranger');
    await expect(stranger.send(new HeadBucketCommand({ Bucket }))).rejects.toThrow();
    await expect(stranger.send(new ListObjectsV2Command({ Bucket }))).rejects.toThrow(
      expect.objectContaining({ name: 'InvalidAccessKeyId' }),
    );
    stranger.destroy();
  });

  it('lists by prefix and page', async () => {
    for (const name of ['list/c', 'list/a', 'list/b']) await put(name, name);
    const list = { Bucket, Prefix: 'list/', MaxKeys: 2 };
    const first = await client.send(new ListObjectsV2Command(list));
    expect(first.Contents?.map(({ Key }) => Key)).toEqual(['list/a', 'list/b']);
    const ContinuationToken = first.NextContinuationToken;
    const second = await client.send(new ListObjectsV2Command({ ...list, ContinuationToken }));
    expect([second.Contents?.map(({ Key }) => Key), second.IsTruncated]).toEqual([['list/c'], false]);
  });

  it('is away, and back with all it had', async () => {
    await put('stays', 'abc');
    await emulator.leave();
    await expect(client.send(new HeadBucketCommand({ Bucket }))).rejects.toThrow();
    await emulator.comeBack();
    const { ContentLength } = await client.send(new HeadObjectCommand({ Bucket, Key: 'stays' }));
    expect(ContentLength).toBe(3);
  });
});
