import { Transform, type TransformCallback } from 'node:stream';

/** JSON-RPC 2.0, section 5.1. */
const PARSE_ERROR = -32_700;
const INVALID_REQUEST = -32_600;

/** A line that is no message, as it is to be answered. */
export interface BadLine {
  readonly id: string | number | null;
  readonly code: number;
  readonly message: string;
}

const LINE_FEED = 0x0a;

/**
 * Passes on the lines that are JSON-RPC messages, and tells of those that are not, which the reader behind it would drop in
 * silence or take for a reason to stop. Never keeps more than `maxBytes` of a line.
 */
export const createLineFilter = ({
  maxBytes,
  onBadLine,
}: {
  maxBytes: number;
  onBadLine: (bad: BadLine) => void;
}): Transform => {
  let pieces: Buffer[] = [];
  let sizeBytes = 0;
  const add = (piece: Buffer): void => {
    sizeBytes += piece.length;
    if (sizeBytes > maxBytes) pieces = [];
    else pieces.push(piece);
  };
  const endLine = (): Buffer | null => {
    const line = sizeBytes > maxBytes ? null : Buffer.concat(pieces);
    const bad = line === null ? tooLong(maxBytes) : badIn(line);
    pieces = [];
    sizeBytes = 0;
    if (bad !== null) onBadLine(bad);
    return bad === null && line !== null && line.length > 0
      ? Buffer.concat([line, Buffer.of(LINE_FEED)])
      : null;
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      let start = 0;
      for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
        add(chunk.subarray(start, end));
        const line = endLine();
        if (line !== null) this.push(line);
        start = end + 1;
      }
      add(chunk.subarray(start));
      done();
    },
  });
};

const tooLong = (maxBytes: number): BadLine => ({
  id: null,
  code: INVALID_REQUEST,
  message: `The message is longer than ${maxBytes} bytes; name files by their path instead of sending them.`,
});

/** Null for a message, and for an empty line. */
const badIn = (line: Buffer): BadLine | null => {
  const text = line.toString('utf8').trim();
  if (text === '') return null;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { id: null, code: PARSE_ERROR, message: 'The line is not JSON.' };
  }
  if (isMessage(json)) return null;
  return { id: idOf(json), code: INVALID_REQUEST, message: 'The line is no JSON-RPC 2.0 message.' };
};

const isMessage = (json: unknown): boolean => {
  if (!isRecord(json) || json.jsonrpc !== '2.0') return false;
  const isId = json.id === undefined || idOf(json) !== null;
  const isCall = typeof json.method === 'string' && (json.params === undefined || isRecord(json.params));
  return isId && (isCall || isRecord(json.result) || isRecord(json.error));
};

const idOf = (json: unknown): string | number | null => {
  const id = isRecord(json) ? json.id : undefined;
  return typeof id === 'string' || Number.isSafeInteger(id) ? (id as string | number) : null;
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
