import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';
import type { RecordReading } from './metrics-record.ts';

const reading: RecordReading = {
  storageBytes: 5,
  liveFiles: 1,
  providers: new Map([
    [
      'kimi',
      {
        deliveries: { pending: 3, uploading: 0, processing: 0, deleting: 0 },
        queueAgeSeconds: 9,
        removalAgeSeconds: 0,
        used: null,
      },
    ],
  ]),
  queues: new Map([['retire', { counts: { created: 1, retry: 0, active: 0, failed: 0 }, ageSeconds: 2 }]]),
  passes: new Map(),
  differences: new Map(),
};
const linesOf = async (metrics: ReturnType<typeof createMetrics>, name: string): Promise<readonly string[]> =>
  (await metrics.text()).split('\n').filter((line) => line.startsWith(name));

describe('metrics', () => {
  it('are of each gateway by itself, however many run in a process', async () => {
    const [one, other] = [0, 1].map(() => createMetrics({ version: '1', emulated: true }));
    one?.deliveries.failed('kimi', 'provider_rejected');
    const [own, others] = [one, other].map(async (metrics) =>
      metrics === undefined ? [] : await linesOf(metrics, 'file_upload_total'),
    );
    expect(await own).toEqual(['file_upload_total{provider="kimi",status="failed"} 1']);
    expect(await others).toEqual([]);
  });

  it('of the record are gone while it does not answer', async () => {
    const metrics = createMetrics({ version: '1', emulated: true });
    metrics.record.show(reading);
    expect(await linesOf(metrics, 'storage_usage_bytes')).toEqual(['storage_usage_bytes 5']);
    expect(await linesOf(metrics, 'waybill_delivery_queue_age')).toEqual([
      'waybill_delivery_queue_age_seconds{provider="kimi"} 9',
    ]);
    expect(await linesOf(metrics, 'waybill_provider_used')).toEqual([]);
    metrics.record.show(null);
    expect(await linesOf(metrics, 'storage_usage_bytes')).toEqual([]);
    expect(await linesOf(metrics, 'waybill_jobs')).toEqual([]);
    expect(await linesOf(metrics, 'waybill_record_up')).toEqual(['waybill_record_up 0']);
  });

  it('have room for the disk and the pool', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'waybill-metrics-'));
    const metrics = createMetrics({ version: '1', emulated: true });
    metrics.show({ directory, pool: () => ({ used: 1, idle: 2, waiting: 3 }) });
    expect(await linesOf(metrics, 'waybill_database_pool_connections')).toHaveLength(3);
    const [free = ''] = await linesOf(metrics, 'waybill_storage_free_bytes');
    expect(Number(free.split(' ')[1])).toBeGreaterThan(0);
    await rm(directory, { recursive: true });
  });

  it('never count a reception that has ended twice', async () => {
    const metrics = createMetrics({ version: '1', emulated: true });
    const meter = metrics.receptions.begin('tus');
    meter.took(3);
    meter.end('refused');
    meter.end('aborted');
    meter.accepted(3);
    const { files, refused, bytes, receptions } = await metrics.sample();
    expect({ files, refused, bytes, receptions }).toEqual({ files: 0, refused: 1, bytes: 3, receptions: 0 });
  });
});
