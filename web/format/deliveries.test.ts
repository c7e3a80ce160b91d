import { expect, it } from 'vitest';
import { deliveryHelp, deliveryWords, isOnItsWay } from './deliveries.ts';

it('says how far a delivery is while it flows, and else what it is', () => {
  expect(deliveryWords({ status: 'uploading', bytes_sent: 50 }, 100).word).toBe('Sending 50%');
  expect(deliveryWords({ status: 'uploading', bytes_sent: 0 }, 100).word).toBe('Sending');
  expect(deliveryWords({ status: 'completed', bytes_sent: 100 }, 100)).toMatchObject({
    tone: 'good',
    word: 'Ready',
  });
});

it('tells what goes on by itself from what has ended', () => {
  expect(isOnItsWay({ status: 'pending' })).toBe(true);
  expect(isOnItsWay({ status: 'failed' })).toBe(false);
});

it('has something to do about every failure', () => {
  expect(deliveryHelp('provider_rejected')).toContain('Another provider');
  expect(deliveryHelp('something_new')).toContain('again');
});
