import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createStatusLine } from './status-line.ts';

const written = (
  surroundings: { isTerminal: boolean; env?: Record<string, string>; columns?: number },
  use: (line: ReturnType<typeof createStatusLine>) => void,
): string => {
  const stderr = Object.assign(new PassThrough(), { columns: surroundings.columns });
  use(createStatusLine({ stderr, isTerminal: surroundings.isTerminal, env: surroundings.env ?? {} }));
  return String(stderr.read() ?? '');
};

const ERASE = '\r\u001b[2K';
const useAll = (line: ReturnType<typeof createStatusLine>): void => {
  line.update(() => 'moving');
  line.print('stays');
  line.update(() => 'moving again');
  line.clear();
};

describe('the status line', () => {
  it('moves in a terminal, below what stays', () => {
    expect(written({ isTerminal: true }, useAll)).toBe(
      `${ERASE}moving${ERASE}stays\n${ERASE}moving again${ERASE}`,
    );
  });

  it.each([
    ['there is no terminal', { isTerminal: false }],
    ['NO_COLOR is set', { isTerminal: true, env: { NO_COLOR: '1' } }],
    ['the terminal cannot', { isTerminal: true, env: { TERM: 'dumb' } }],
  ])('is only what stays where %s', (_, surroundings) => {
    expect(written(surroundings, useAll)).toBe('stays\n');
  });

  it('is not drawn for every change, but always for the last', () => {
    const text = written({ isTerminal: true }, (line) => {
      for (let change = 1; change <= 1_000; change += 1) {
        line.update(() => `<${change}>`, { isLast: change === 1_000 });
      }
    });
    expect(text).toContain('<1>');
    expect(text).toContain('<1000>');
    expect(text.split(ERASE).length).toBeLessThan(100);
  });

  it.each([
    [120, 119],
    [undefined, 79],
  ])('of a terminal of %s columns has %d', (columns, usable) => {
    const surroundings = { isTerminal: true, ...(columns === undefined ? {} : { columns }) };
    expect(written(surroundings, (line) => line.update(String))).toBe(`${ERASE}${usable}`);
  });
});
