import { cutToWidth, displayWidth } from './display-width.ts';
import type { Io } from './io.ts';

/** What is said on `stderr` while something goes on: lines that stay, and in a terminal others that move below them. */
export interface StatusLines {
  /** Adds a line that moves, below those that are there. It shows once it has been updated. */
  open(): StatusLine;
  /** Writes a line that stays, above those that move. */
  print(line: string): void;
  /** Does something that writes to the same terminal by a way of its own, while nothing moves. */
  aside<T>(write: () => Promise<T> | T): Promise<T>;
  /** Takes away what moves, for good. */
  close(): void;
}

interface StatusLine {
  /**
   * Makes the line anew, when it is time for that or at once if it `isLast`. `render` is given the columns it may use,
   * and may be called again when they change.
   */
  update(render: Render, options?: { readonly isLast: boolean }): void;
  /** Takes the line away. */
  close(): void;
}

type Render = (columns: number) => string;

/** Often enough to look like movement. */
const REDRAW_MS = 100;
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;
/** ECMA-48: EL to the end of the line, ED to the end of the display. */
const ERASE_LINE = '\u001b[K';
const ERASE_BELOW = '\u001b[J';

/** Escape codes are written to a terminal only, and to none that is `dumb`. The owner calls `close`. */
export const createStatusLines = (io: Pick<Io, 'stderr' | 'isTerminal' | 'env'>): StatusLines => {
  const { stderr } = io;
  const isMoving = io.isTerminal && io.env.TERM !== 'dumb';
  const opened = new Set<{ render: Render | null }>();
  let shown: readonly string[] = [];
  let drawnAtMs = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let asides = 0;

  const draw = (linesThatStay = ''): void => {
    clearTimeout(timer);
    timer = undefined;
    const before = linesThatStay === '' ? toTop(shown, stderr) : toTop(shown, stderr, ERASE_BELOW);
    const lines = asides > 0 ? [] : linesOf(opened, stderr);
    if (lines.length > 0) drawnAtMs = performance.now();
    const after = shown.length > 0 || lines.length > 0 ? ERASE_BELOW : '';
    stderr.write(before + linesThatStay + lines.map((line) => line + ERASE_LINE).join('\n') + after);
    shown = lines;
  };
  const redraw = (): void => {
    if (opened.size > 0 || shown.length > 0) draw();
  };
  if (isMoving) stderr.on('resize', redraw);

  const update = (): void => {
    if (asides > 0 || timer !== undefined) return;
    const leftMs = drawnAtMs + REDRAW_MS - performance.now();
    if (leftMs <= 0) draw();
    // What came last is shown in any case, but keeps no process.
    else timer = setTimeout(draw, leftMs).unref();
  };
  return {
    open: () => {
      const line: { render: Render | null } = { render: null };
      opened.add(line);
      return {
        update: (render, { isLast } = { isLast: false }) => {
          if (!isMoving) return;
          line.render = render;
          if (isLast) redraw();
          else update();
        },
        close: () => {
          if (opened.delete(line) && line.render !== null) redraw();
        },
      };
    },
    print: (line) => draw(`${line}\n`),
    aside: async (write) => {
      asides += 1;
      if (shown.length > 0) draw();
      try {
        return await write();
      } finally {
        asides -= 1;
        redraw();
      }
    },
    close: () => {
      opened.clear();
      redraw();
      clearTimeout(timer);
      stderr.off('resize', redraw);
    },
  };
};

/** Back to where the first of these lines begins. In a terminal that is narrower now, each may take several rows. */
const toTop = (lines: readonly string[], stderr: Io['stderr'], erase = ''): string => {
  if (lines.length === 0) return '';
  const columns = sizeOf(stderr, 'columns', DEFAULT_COLUMNS);
  const rows = lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / columns)), 0);
  return `\r${rows > 1 ? `\u001b[${rows - 1}A` : ''}${erase}`;
};

/** Never more than the terminal has rows: what has left it at the top cannot be taken back. */
const linesOf = (opened: Iterable<{ render: Render | null }>, stderr: Io['stderr']): string[] => {
  // One column stays free: some terminals wrap as soon as the last one is used.
  const columns = sizeOf(stderr, 'columns', DEFAULT_COLUMNS) - 1;
  const room = Math.max(1, sizeOf(stderr, 'rows', DEFAULT_ROWS) - 1);
  const renders = [...opened].flatMap(({ render }) => render ?? []);
  const visible = renders.length > room ? renders.slice(0, room - 1) : renders;
  const hidden = renders.length - visible.length;
  const lines = visible.map((render) => render(columns));
  return hidden === 0 ? lines : [...lines, cutToWidth(`… and ${hidden} more`, columns)];
};

const sizeOf = (stream: Io['stderr'], side: 'columns' | 'rows', otherwise: number): number => {
  const size = side in stream ? (stream as Partial<Record<typeof side, unknown>>)[side] : undefined;
  return typeof size === 'number' && size > 0 ? size : otherwise;
};
