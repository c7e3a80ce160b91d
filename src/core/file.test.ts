import { describe, expect, it } from 'vitest';
import {
  type DeliveryStatus,
  deliveryStatuses,
  type FileStatus,
  fileStatus,
  hasEnded,
  newFileId,
} from './file.ts';

const derived = (...statuses: DeliveryStatus[]): FileStatus =>
  fileStatus(statuses.map((status) => ({ status })));

describe('fileStatus', () => {
  it.each<[FileStatus, DeliveryStatus[]]>([
    ['processed', []],
    ['uploaded', ['pending']],
    ['uploaded', ['uploading']],
    ['uploaded', ['processing']],
    ['processed', ['completed']],
    ['processed', ['evicted']],
    ['error', ['failed']],
    ['error', ['failed', 'failed']],
    ['processed', ['failed', 'completed']],
    ['uploaded', ['failed', 'pending']],
    ['uploaded', ['completed', 'uploading']],
    ['processed', ['deleted']],
    ['processed', ['deleting']],
    ['error', ['failed', 'deleted']],
    ['processed', ['failed', 'evicted']],
  ])('is %s for %j', (expected, statuses) => {
    expect(derived(...statuses)).toBe(expected);
  });

  it('does not depend on the order of the deliveries', () => {
    for (const first of deliveryStatuses) {
      for (const second of deliveryStatuses) expect(derived(first, second)).toBe(derived(second, first));
    }
  });
});

describe('hasEnded', () => {
  it('holds for exactly what needs a new request to move', () => {
    expect(deliveryStatuses.filter(hasEnded)).toEqual(['completed', 'failed', 'evicted', 'deleted']);
  });
});

describe('newFileId', () => {
  it('is of one shape and never the same', () => {
    const ids = Array.from({ length: 2_000 }, newFileId);
    expect(ids.filter((id) => !/^file-[0-9a-z]{25}$/u.test(id))).toEqual([]);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
