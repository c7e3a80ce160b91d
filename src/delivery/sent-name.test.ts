import { describe, expect, it } from 'vitest';
import { lastMark, sentName } from './sent-name.ts';

const ID = '0193f0aa-1111-7222-8333-0123456789ab';

describe('lastMark', () => {
  it.each(['notes.txt', 'notes', '.env', `${'n'.repeat(300)}.txt`, 'wb-.txt', 'trap.wb-ffffffffffff.txt'])(
    'finds in what %s is sent as the mark it was sent with',
    (filename) => {
      expect(lastMark(sentName(filename, ID))).toBe('0123456789ab');
      expect(lastMark(sentName(filename, ID).toUpperCase())).toBe('0123456789ab');
    },
  );

  it.each([null, '', 'notes.txt', 'wb-0123456789a', 'wb-0123456789ag.txt', 'wb_0123456789ab.txt'])(
    'finds none in %s',
    (name) => {
      expect(lastMark(name)).toBeNull();
    },
  );
});
