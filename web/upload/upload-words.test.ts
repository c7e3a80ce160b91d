import { expect, it } from 'vitest';
import type { UploadItem } from './upload-item.ts';
import { queueWords, uploadWords } from './upload-words.ts';

const item = (changes: Partial<UploadItem> = {}): UploadItem => ({
  id: '1',
  name: 'a.pdf',
  sizeBytes: 2 ** 20,
  state: 'sending',
  sentBytes: 2 ** 19,
  bytesPerSecond: 2 ** 18,
  problem: null,
  fileId: null,
  provider: 'auto',
  ...changes,
});

it('says how far an upload is, how fast, and for how long', () => {
  expect(uploadWords(item())).toBe('512 KB of 1 MB, 256 KB/s, 2 s left');
  expect(uploadWords(item({ bytesPerSecond: null }))).toBe('512 KB of 1 MB');
  expect(uploadWords(item({ state: 'paused' }))).toBe('Paused at 512 KB of 1 MB');
  expect(uploadWords(item({ state: 'retrying' }))).toContain('trying again');
  expect(uploadWords(item({ state: 'done' }))).toBe('Arrived, 1 MB');
  const refused = { status: 422, code: 'type_not_allowed', message: '', fileId: null };
  expect(uploadWords(item({ state: 'failed', problem: refused }))).toBe('Not taken');
  expect(uploadWords(item({ state: 'failed', problem: { ...refused, status: null } }))).toContain(
    'Stopped at',
  );
});

it('sums a queue up', () => {
  expect(queueWords([item()])).toBe('0 of 1 file arrived');
  expect(queueWords([item({ state: 'done' }), item({ state: 'failed' }), item({ state: 'lost' })])).toBe(
    '1 of 3 files arrived, 2 need you',
  );
});
