import { describe, expect, it } from 'vitest';
import { type DeliveryStatus, deliveryStatuses } from '../core/file.ts';
import { orphanFate as fateOf, type OrphanFate, type OrphanSender } from './reconcile-orphan.ts';

const orphanFate = (sender: OrphanSender, remote: Parameters<typeof fateOf>[1]): OrphanFate =>
  fateOf(sender, remote, { isRestored: false });

const whole = { sizeBytes: 100, state: 'ready' } as const;
const sender = (status: DeliveryStatus, changes: Partial<OrphanSender> = {}): OrphanSender => ({
  id: 'delivery-1',
  fileId: 'file-1',
  status,
  attempts: 1,
  remoteId: null,
  shares: null,
  sizeBytes: 100,
  isFileDeleted: false,
  ...changes,
});

const fates: Readonly<Record<DeliveryStatus, OrphanFate>> = {
  pending: 'adopt',
  failed: 'adopt',
  uploading: 'under_way',
  processing: 'leave',
  completed: 'remove',
  evicted: 'remove',
  deleting: 'remove',
  deleted: 'remove',
};

describe('orphanFate', () => {
  it.each(deliveryStatuses)('of a whole file that a delivery sent which is %s', (status) => {
    expect(orphanFate(sender(status), whole)).toBe(fates[status]);
  });

  it.each(deliveryStatuses)(
    'I4 never adopts for a deleted file, nor touches what is being sent: %s',
    (status) => {
      const fate = orphanFate(sender(status, { isFileDeleted: true }), whole);
      expect(fate).toBe(status === 'uploading' ? 'under_way' : 'remove');
    },
  );

  it.each([
    { remote: { ...whole, sizeBytes: 99 }, what: 'of another size' },
    { remote: { ...whole, state: 'failed' as const }, what: 'refused by the provider' },
  ])('adopts nothing that is $what', ({ remote }) => {
    expect(orphanFate(sender('failed'), remote)).toBe('remove');
    expect(orphanFate(sender('pending'), remote)).toBe('leave');
  });

  it('adopts nothing for a delivery that has a copy, or is served by one', () => {
    expect(orphanFate(sender('pending', { remoteId: 'other' }), whole)).toBe('leave');
    expect(orphanFate(sender('failed', { shares: 'delivery-2' }), whole)).toBe('remove');
  });

  it.each(deliveryStatuses)('S26 removes nothing against a record that was restored: %s', (status) => {
    for (const isFileDeleted of [false, true])
      for (const remote of [whole, { ...whole, sizeBytes: 99 }])
        expect(fateOf(sender(status, { isFileDeleted }), remote, { isRestored: true })).not.toBe('remove');
    expect(fateOf(sender('evicted'), whole, { isRestored: true })).toBe('adopt');
  });

  it('takes a file whose size the provider does not tell', () => {
    expect(orphanFate(sender('pending'), { sizeBytes: null, state: 'processing' })).toBe('adopt');
  });
});
