import { describe, expect, it } from 'vitest';
import { createReceptions, type ReceptionNews } from './receptions.ts';

const start = { fileId: 'file-1', owner: 'user-1', filename: 'a.txt', sizeBytes: null };

describe('the files on their way in', () => {
  it('are there with their totals until they end, for their owner', () => {
    const receptions = createReceptions();
    const handle = receptions.begin(start);
    receptions.begin({ ...start, fileId: 'file-2', owner: 'user-2' });
    handle.received(10);
    handle.hashed(5);
    handle.sent('kimi', 3);
    handle.sent('kimi', 4);
    expect(receptions.of('user-1')).toEqual([
      { ...start, receivedBytes: 10, hashedBytes: 5, sentBytes: new Map([['kimi', 4]]) },
    ]);
    handle.end('recorded');
    expect([receptions.find('file-1'), receptions.of('user-1')]).toEqual([null, []]);
  });

  it('tell of each change, and once how they ended', () => {
    const receptions = createReceptions();
    const heard: ReceptionNews['outcome'][] = [];
    const close = receptions.listen(({ outcome }) => heard.push(outcome));
    const handle = receptions.begin(start);
    handle.received(1);
    handle.end('aborted');
    handle.end('recorded');
    close();
    receptions.begin(start).end('aborted');
    expect(heard).toEqual([null, 'aborted']);
  });
});
