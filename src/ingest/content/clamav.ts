import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { GatewayError } from '../../core/errors.ts';
import { unsafe } from './refusals.ts';
import type { ContentSource } from './source.ts';

/** Asks whether a file is malicious. */
export interface Scanner {
  /** Rejects with `unsafe_content` for one that is, and with `scanner_unavailable` when that cannot be told. */
  scan(source: ContentSource): Promise<void>;
}

export interface ClamAvOptions {
  /** `unix:///run/clamav/clamd.ctl` or `tcp://host:3310`. */
  readonly url: string;
  /** How long the daemon may take to be reached, in milliseconds. */
  readonly connectMs?: number;
  /** How long it may say or take nothing, in milliseconds: after the last byte it scans in silence. */
  readonly silenceMs?: number;
}

/** A daemon of default settings takes no larger pieces at once from its socket. */
const PIECE_BYTES = 2 ** 18;
const MAX_REPLY_BYTES = 4_096;
const END = Buffer.alloc(4);

/** Scans by the daemon `clamd`, one connection for each file, by its command INSTREAM (clamd(8)). */
export const createClamAv = ({ url, connectMs = 5_000, silenceMs = 120_000 }: ClamAvOptions): Scanner => ({
  scan: async (source) => judge(await ask(source, { url: new URL(url), connectMs, silenceMs })),
});

interface Asking {
  readonly url: URL;
  readonly connectMs: number;
  readonly silenceMs: number;
}

const ask = async (source: ContentSource, { url, connectMs, silenceMs }: Asking): Promise<string> => {
  const socket =
    url.protocol === 'unix:'
      ? connect(decodeURIComponent(url.pathname))
      : connect({ host: url.hostname.replace(/^\[|\]$/gu, ''), port: Number(url.port || 3_310) });
  const replied = readReply(socket);
  // Listened to below; it must not count as unhandled before.
  replied.catch(() => undefined);
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(connectMs) });
    socket.setTimeout(silenceMs, () => socket.destroy(new Error('The daemon was silent for too long.')));
    await send(socket, source, replied);
    return await replied;
  } catch (error) {
    if (error instanceof Error && error.name === 'BlobMissingError') throw error;
    throw unavailable(error);
  } finally {
    socket.destroy();
  }
};

/** Ends early once there is a reply: the daemon has had enough, and hangs up. */
const send = async (socket: Socket, source: ContentSource, replied: Promise<string>): Promise<void> => {
  let isReplied = false;
  const noteReply = (): void => {
    isReplied = true;
  };
  const over = replied.then(noteReply, noteReply);
  const write = async (bytes: Buffer): Promise<void> => {
    if (isReplied || socket.write(bytes)) return;
    await Promise.race([once(socket, 'drain'), over]).catch(() => undefined);
  };
  await write(Buffer.from('zINSTREAM\0'));
  for await (const piece of source.read({ start: 0, end: source.sizeBytes })) {
    for (let at = 0; at < piece.length && !isReplied; at += PIECE_BYTES) {
      const part = piece.subarray(at, at + PIECE_BYTES);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(part.length);
      await write(length);
      await write(part);
    }
    if (isReplied) return;
  }
  await write(END);
};

const readReply = (socket: Socket): Promise<string> => {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let reply = '';
  socket.on('data', (bytes) => {
    reply += bytes.toString('latin1');
    if (reply.includes('\0')) resolve(reply.slice(0, reply.indexOf('\0')));
    else if (reply.length > MAX_REPLY_BYTES) reject(new Error('The reply has no end.'));
  });
  socket.on('error', reject);
  socket.on('close', () => reject(new Error('The daemon hung up without a reply.')));
  return promise;
};

/** Anything but a clear word is no word: the file is not taken then. */
const judge = (reply: string): void => {
  if (reply === 'stream: OK') return;
  const found = /^stream: ([\w.:()-]{1,200}) FOUND$/u.exec(reply)?.[1];
  if (found !== undefined) throw unsafe(`The virus scanner found ${found}.`);
  if (/ FOUND$/u.test(reply)) throw unsafe('The virus scanner found malware.');
  if (/size limit exceeded/iu.test(reply)) {
    throw unsafe('The file is larger than the virus scanner takes, and no file is taken unscanned.');
  }
  throw unavailable(new Error(`The daemon replied: ${reply.slice(0, 200)}`));
};

const unavailable = (cause: unknown): GatewayError =>
  new GatewayError(
    'scanner_unavailable',
    'The virus scanner cannot be asked, and no file is taken unscanned. Try again later.',
    { cause },
  );
