import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { screenOf } from '../../test/support/screen-of.ts';
import { until } from '../../test/support/until.ts';
import { createStatusLines, type StatusLines } from './status-lines.ts';

interface Surroundings {
  readonly isTerminal?: boolean;
  readonly env?: Record<string, string>;
  readonly columns?: number;
  readonly rows?: number;
}

const createTerminal = ({ isTerminal = true, env = {}, columns = 40, rows = 10 }: Surroundings = {}) => {
  const stderr = Object.assign(new PassThrough(), { columns, rows });
  let written = '';
  stderr.on('data', (chunk) => (written += String(chunk)));
  const lines = createStatusLines({ stderr, isTerminal, env });
  return { stderr, lines, written: () => written };
};

/** Each is drawn at once. */
const last = { isLast: true };

describe('status lines', () => {
  it('move in a terminal, several of them, below what stays', () => {
    const { lines, written } = createTerminal();
    const [one, two] = [lines.open(), lines.open()];
    one.update(() => 'one 10%', last);
    two.update(() => 'two 20%', last);
    expect(screenOf(written())).toEqual(['one 10%', 'two 20%']);
    lines.print('stays');
    one.update(() => 'one 9%', last);
    expect(screenOf(written())).toEqual(['stays', 'one 9%', 'two 20%']);
    one.close();
    lines.print('stays too');
    expect(screenOf(written())).toEqual(['stays', 'stays too', 'two 20%']);
    lines.close();
    expect(screenOf(written())).toEqual(['stays', 'stays too', '']);
  });

  it.each([
    ['there is no terminal', { isTerminal: false }],
    ['the terminal cannot', { env: { TERM: 'dumb' } }],
  ])('are only what stays where %s', (_, surroundings) => {
    const { lines, written } = createTerminal(surroundings);
    const line = lines.open();
    line.update(() => 'moving', last);
    lines.print('stays');
    line.close();
    lines.close();
    expect(written()).toBe('stays\n');
  });

  it('are not drawn for every change, but the last is', async () => {
    const { lines, written } = createTerminal();
    const line = lines.open();
    for (let change = 1; change <= 1_000; change += 1) line.update(() => `<${change}>`);
    await until('the last change is drawn', () => screenOf(written())[0] === '<1000>');
    expect(written().split('<').length).toBeLessThan(100);
    lines.close();
  });

  it('are never more than there are rows', () => {
    const { lines, written } = createTerminal({ rows: 4 });
    for (const name of ['one', 'two', 'three', 'four', 'five']) lines.open().update(() => name, last);
    expect(screenOf(written())).toEqual(['one', 'two', '… and 3 more']);
  });

  it('leave a column free, follow the terminal when that is resized, and take back what has wrapped', () => {
    const { stderr, lines, written } = createTerminal({ columns: 40 });
    lines.print('stays');
    const [one, two] = [lines.open(), lines.open()];
    for (const line of [one, two]) line.update((columns) => '='.repeat(columns), last);
    expect(screenOf(written())).toEqual(['stays', '='.repeat(39), '='.repeat(39)]);
    // What stood there is wrapped by the terminal: each of the two lines takes two rows of twenty columns.
    const before = screenOf(written()).flatMap((line) => line.match(/.{1,20}/gu) ?? []);
    const from = written().length;
    stderr.columns = 20;
    stderr.emit('resize');
    expect(screenOf(before.join('\n') + written().slice(from), 20)).toEqual([
      'stays',
      '='.repeat(19),
      '='.repeat(19),
    ]);
    lines.close();
    expect(stderr.listenerCount('resize')).toBe(0);
  });

  it('make room for what is written to the terminal otherwise', async () => {
    const { stderr, lines, written } = createTerminal();
    const line = lines.open();
    line.update(() => 'moving', last);
    const write = async (use: StatusLines): Promise<void> => {
      line.update(() => 'moved', last);
      await Promise.resolve();
      stderr.write('the result\n');
      use.print('said meanwhile');
    };
    await lines.aside(() => write(lines));
    expect(screenOf(written())).toEqual(['the result', 'said meanwhile', 'moved']);
  });
});
