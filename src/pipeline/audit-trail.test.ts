import { describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../../test/support/until.ts';
import { createLogger } from '../platform/log.ts';
import type { AuditEntry } from '../tracking/audit.ts';
import { type AuditEvent, type AuditTrailOptions, createAuditTrail } from './audit-trail.ts';

const event = (change: Partial<AuditEvent> = {}): AuditEvent => ({
  owner: 'ada',
  action: 'file.create',
  fileId: 'file-1',
  httpStatus: 200,
  errorCode: null,
  requestId: 'req_1',
  address: '127.0.0.1',
  ...change,
});
const refused = (address: string): AuditEvent =>
  event({
    owner: null,
    action: 'token.refused',
    fileId: null,
    httpStatus: 401,
    errorCode: 'invalid_token',
    address,
  });

const start = (options: Partial<AuditTrailOptions> = {}) => {
  const written: AuditEntry[] = [];
  const trail = createAuditTrail({
    write: async (entries) => void written.push(...entries),
    log: createLogger('silent'),
    flushMs: 10,
    ...options,
  });
  onTestFinished(() => trail.close());
  return { trail, written };
};

describe('the audit trail', () => {
  it('writes what is recorded, in order, soon', async () => {
    const { trail, written } = start();
    for (const requestId of ['req_1', 'req_2', 'req_3']) trail.record(event({ requestId }));
    await until('they are written', () => written.length === 3);
    expect(written.map(({ requestId }) => requestId)).toEqual(['req_1', 'req_2', 'req_3']);
    expect(written[0]).toEqual({ ...event(), at: expect.any(Date), count: 1 });
  });

  it('keeps what cannot be written, up to a bound, and writes it once that can be done', async () => {
    let isAway = true;
    const kept: AuditEntry[] = [];
    const { trail } = start({
      maxWaiting: 5,
      write: async (entries) => {
        if (isAway) throw new Error('The database is away.');
        kept.push(...entries);
      },
    });
    for (let n = 0; n < 8; n += 1) trail.record(event({ requestId: `req_${n}` }));
    isAway = false;
    await until('they are written', () => kept.length > 0);
    expect(kept.map(({ requestId }) => requestId)).toEqual(['req_0', 'req_1', 'req_2', 'req_3', 'req_4']);
  });

  it('writes the rest when it is closed', async () => {
    const { trail, written } = start({ flushMs: 60_000 });
    trail.record(event());
    await trail.close();
    expect(written).toHaveLength(1);
  });

  it('makes two entries a minute of a flood of refused tokens, by address', async () => {
    const { trail, written } = start({ flushMs: 60_000, minuteMs: 60_000 });
    for (let n = 0; n < 1_000; n += 1) trail.record(refused('10.0.0.1'));
    trail.record(refused('10.0.0.2'));
    await trail.close();
    expect(written.map(({ address, count }) => [address, count])).toEqual([
      ['10.0.0.1', 1],
      ['10.0.0.2', 1],
      ['10.0.0.1', 999],
    ]);
  });

  it('L15 tells no more addresses apart than it has room for', async () => {
    const { trail, written } = start({ flushMs: 60_000, minuteMs: 60_000 });
    for (let n = 0; n < 3_000; n += 1) trail.record(refused(`10.0.${n >> 8}.${n & 255}`));
    await trail.close();
    expect(written.length).toBeLessThan(1_010);
    expect(written.reduce((sum, { count }) => sum + count, 0)).toBe(3_000);
  });
});
