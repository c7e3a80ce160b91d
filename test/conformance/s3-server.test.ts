/** The S3 blob store on a server that `npm run test:s3` has started; skipped where there is none. */
import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { describe, it } from 'vitest';
import { describeBlobStore } from './blob-store-suite.ts';
import { SWEPT_WHERE_STAGED, s3StoreStarter } from './s3-subject.ts';

const server = process.env.S3_TEST_SERVER;

if (server === undefined)
  describe.skip('the S3 blob store on a real server', () => it('runs in `npm run test:s3`'));
else {
  const { endpoint, region, ...credentials } = JSON.parse(server);
  /** A bucket for each test. */
  const openPlace = async () => {
    const bucket = `test-${randomUUID()}`;
    const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    client.destroy();
    return { account: { endpoint, region, bucket, ...credentials }, close: async () => undefined };
  };
  describeBlobStore('the S3 blob store on a real server', { start: s3StoreStarter({ openPlace }) });
  describeBlobStore('the S3 blob store on a real server, started again on another machine', {
    start: s3StoreStarter({ openPlace, elsewhere: true }),
    skip: SWEPT_WHERE_STAGED,
  });
}
