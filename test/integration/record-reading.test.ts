import { describe, expect, it } from 'vitest';
import { createRecordReading } from '../../src/pipeline/record-reading.ts';
import { until } from '../support/until.ts';
import { useTestDatabases } from './support/test-databases.ts';
import { OWNER, PATIENCE, sample, useTestWorlds } from './support/test-pipeline.ts';

const databases = useTestDatabases({ queues: true });
const newWorld = useTestWorlds(databases);
const UNHURRIED = { retry: { attempts: 5, baseMs: 60_000, maxMs: 60_000 } };

describe('what is read of the record for metrics', () => {
  it('are the deliveries under way, what is kept here and there, the queues and the last passes', async () => {
    const world = await newWorld();
    const pipeline = await world.start(UNHURRIED);
    const { file: kept } = await pipeline.receive(OWNER, sample({ to: ['kimi'] }));
    await pipeline.find(OWNER, kept.id, PATIENCE);
    await world.glm.fault('status', { on: 'upload', status: 429 });
    const { file: waits } = await pipeline.receive(OWNER, sample({ to: ['glm'] }));
    await until('it waits for its second try', async () => {
      const { deliveries } = await pipeline.find(OWNER, waits.id);
      return deliveries[0]?.errorCode === 'provider_unavailable';
    });
    // Late already.
    await world.rows(
      `update waybill.provider_file_uploads set due_at = now() - interval '90 seconds' where file_id = $1`,
      [waits.id],
    );
    const { id } = await pipeline.passes.begin({ kind: 'reconcile', isDryRun: false, isForced: false });
    await pipeline.passes.find(id, PATIENCE);

    const reading = await createRecordReading(pipeline.dependencies)();
    expect(reading).toMatchObject({ liveFiles: 2, storageBytes: kept.sizeBytes + waits.sizeBytes });
    expect(reading?.providers.get('kimi')).toEqual({
      deliveries: { pending: 0, uploading: 0, processing: 0, deleting: 0 },
      queueAgeSeconds: 0,
      removalAgeSeconds: 0,
      used: { files: 1, bytes: kept.sizeBytes },
    });
    const glm = reading?.providers.get('glm');
    expect(glm).toMatchObject({ deliveries: { pending: 1 }, used: { files: 0, bytes: 0 } });
    expect(glm?.queueAgeSeconds).toBeGreaterThanOrEqual(90);
    expect(glm?.queueAgeSeconds).toBeLessThan(150);
    expect(reading?.queues.get('deliver-glm')).toMatchObject({
      counts: { created: 1, active: 0 },
      ageSeconds: 0,
    });
    expect(reading?.passes.get('reconcile')).toMatchObject({
      lastStatus: 'completed',
      lastCompletedAt: expect.any(Date),
    });
    expect(reading?.differences.get('kimi')).toMatchObject({ ghost: 0, orphan: 0, isUnreadable: false });
    await pipeline.stop();
  });
});
