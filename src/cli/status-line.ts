import type { Io } from './io.ts';

/** What is said on `stderr` while something goes on: lines that stay, and in a terminal one that moves below them. */
export interface StatusLine {
  /**
   * Makes the moving line anew, if it is time for that or it `isLast`, which is not to be lost. `render` is given the
   * columns it may use.
   */
  update(render: (columns: number) => string, options?: { isLast: boolean }): void;
  /** Writes a line that stays, above the moving one. */
  print(line: string): void;
  /** Takes the moving line away. */
  clear(): void;
}

/** Often enough to look like movement. */
const REDRAW_MS = 100;
const DEFAULT_COLUMNS = 80;
/** Back to the first column, then erase the line: ECMA-48, EL. */
const ERASE = '\r\u001b[2K';

/** Escape codes are written to a terminal only, and never when the user has set `NO_COLOR`. */
export const createStatusLine = (io: Pick<Io, 'stderr' | 'isTerminal' | 'env'>): StatusLine => {
  const { stderr, env } = io;
  const isMoving = io.isTerminal && !env.NO_COLOR && env.TERM !== 'dumb';
  let current = '';
  let drawnAtMs = Number.NEGATIVE_INFINITY;
  const clear = (): void => {
    if (current !== '') stderr.write(ERASE);
    current = '';
    drawnAtMs = Number.NEGATIVE_INFINITY;
  };
  return {
    update: (render, { isLast } = { isLast: false }) => {
      if (!isMoving || (!isLast && performance.now() - drawnAtMs < REDRAW_MS)) return;
      drawnAtMs = performance.now();
      // One column stays free: some terminals wrap as soon as the last one is used.
      current = render(columnsOf(stderr) - 1);
      stderr.write(ERASE + current);
    },
    print: (line) => {
      clear();
      stderr.write(`${line}\n`);
    },
    clear,
  };
};

const columnsOf = (stream: Io['stderr']): number =>
  'columns' in stream && typeof stream.columns === 'number' && stream.columns > 0
    ? stream.columns
    : DEFAULT_COLUMNS;
