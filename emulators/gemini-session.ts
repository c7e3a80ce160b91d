import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, truncate, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import type { Announcement } from './gemini-announcement.ts';
import { type BodyReading, readBody } from './read-upload.ts';

/** How one request adds to a session. */
export interface Sending {
  /** Bytes beyond it are read and not written. */
  readonly maxBytes: number;
  /** What stays of a request whose connection breaks. */
  readonly whenBroken: 'whole-granules' | 'nothing';
  /** Sees the size with this request's bytes; a reason makes them not count. */
  readonly refuse: (sizeBytes: number) => string | null;
}

/** An upload in several requests, its bytes in a file that `begin` made and the caller removes. Lost in a restart. */
export interface Session {
  readonly announced: Announcement;
  readonly path: string;
  readonly granularityBytes: number;
  /** RFC 3339. */
  readonly openedAt: string;
  /** Changed by whoever carries out a command. */
  status: 'active' | 'final' | 'cancelled';
  /** The file it became. */
  fileId: string | null;
  /** How much counts as received. */
  receivedBytes(): number;
  /**
   * Runs `work` when no other request is at the session. One still sending is cut off, since a client that comes back
   * has given it up, though its connection may look alive for long.
   */
  inTurn<T>(request: IncomingMessage, work: () => Promise<T>): Promise<T>;
  /** Adds the body to what was received, or returns why not. Rejects when the connection breaks. */
  append(body: BodyReading, sending: Sending): Promise<string | null>;
  /** Cuts the file to what was received and returns the hex SHA-256 of that. */
  seal(): Promise<string>;
}

interface Received {
  readonly bytes: number;
  readonly hash: Hash;
}

/** Opens a session with an empty file at `path`. */
export const openSession = async (
  announced: Announcement,
  { path, granularityBytes }: { path: string; granularityBytes: number },
): Promise<Session> => {
  await writeFile(path, '');
  const takeTurn = createTurns();
  let received: Received = { bytes: 0, hash: createHash('sha256') };
  return {
    announced,
    path,
    granularityBytes,
    openedAt: new Date().toISOString(),
    status: 'active',
    fileId: null,
    receivedBytes: () => received.bytes,
    inTurn: takeTurn,
    append: async (body, { maxBytes, whenBroken, refuse }) => {
      const writing = await startWriting(path, { received, granularityBytes, maxBytes });
      try {
        await readBody(body, writing.write);
      } catch (error) {
        if (whenBroken === 'whole-granules') received = writing.wholeGranules();
        throw error;
      } finally {
        await writing.close();
      }
      const written = writing.all();
      const refusal = refuse(written.bytes);
      if (refusal === null) received = written;
      return refusal;
    },
    seal: async () => {
      await truncate(path, received.bytes);
      return received.hash.copy().digest('hex');
    },
  };
};

const createTurns = (): Session['inTurn'] => {
  let current: { readonly giveWay: () => void; readonly ended: Promise<void> } | null = null;
  return async (request, work) => {
    while (current !== null) {
      current.giveWay();
      await current.ended;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const giveWay = (): void => {
      if (!request.complete) request.socket.resetAndDestroy();
    };
    current = { giveWay, ended: promise };
    try {
      return await work();
    } finally {
      current = null;
      resolve();
    }
  };
};

interface Writing {
  write(piece: Buffer): Promise<void>;
  all(): Received;
  wholeGranules(): Received;
  close(): Promise<void>;
}

const startWriting = async (
  path: string,
  {
    received,
    granularityBytes,
    maxBytes,
  }: { received: Received; granularityBytes: number; maxBytes: number },
): Promise<Writing> => {
  const file = await open(path, 'r+');
  const hash = received.hash.copy();
  let { bytes } = received;
  let whole = received;
  return {
    write: async (piece) => {
      if (bytes + piece.length > maxBytes) {
        bytes += piece.length;
        return;
      }
      await writeAt(file, piece, bytes);
      for (let done = 0; done < piece.length; ) {
        const part = piece.subarray(done, done + granularityBytes - (bytes % granularityBytes));
        hash.update(part);
        bytes += part.length;
        done += part.length;
        if (bytes % granularityBytes === 0) whole = { bytes, hash: hash.copy() };
      }
    },
    all: () => ({ bytes, hash }),
    wholeGranules: () => whole,
    close: () => file.close(),
  };
};

const writeAt = async (file: FileHandle, piece: Buffer, position: number): Promise<void> => {
  for (let done = 0; done < piece.length; ) {
    const { bytesWritten } = await file.write(piece, done, piece.length - done, position + done);
    done += bytesWritten;
  }
};
