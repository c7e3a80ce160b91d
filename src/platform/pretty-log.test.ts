import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createLogger } from './log.ts';
import { openPrettyLog } from './pretty-log.ts';

const written = async (entry: object): Promise<string> => {
  let text = '';
  const destination = new Writable({
    write: (chunk, _encoding, done) => {
      text += String(chunk);
      done();
    },
  });
  createLogger('info', await openPrettyLog({ hasColours: false, destination })).info(entry);
  return text;
};

describe('the log in a terminal', () => {
  it('has a line an entry, with its time in UTC, its level and its event', async () => {
    const text = await written({ event: 'ready', url: 'http://127.0.0.1:8787' });
    expect(text).toMatch(
      /^\[\d\d:\d\d:\d\d\.\d{3}Z\] INFO: ready .*"url":"http:\/\/127\.0\.0\.1:8787"\}\n$/u,
    );
  });

  it('lets nothing through that a terminal would obey', async () => {
    const bad = '\u001b[2J\u009b31m\nready';
    const err = new Error(bad, { cause: new Error(bad) });
    const text = await written({ event: 'delivery_failed', filename: bad, err });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/u);
    // Lines that somebody has made up are no entries: those begin at the edge.
    expect(text.match(/^\S/gmu)).toHaveLength(1);
    expect(text).toContain('delivery_failed');
  });
});
