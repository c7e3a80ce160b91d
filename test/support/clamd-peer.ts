import { createServer, type Socket } from 'node:net';

/** What the peer does with a connection. */
type PeerMood = 'scan' | 'hang-up' | 'silent' | 'babble' | { readonly limitBytes: number };

export interface ClamdPeer {
  readonly url: string;
  mood: PeerMood;
  /** Bytes of the last file, without the protocol around them. */
  received(): Buffer;
  close(): Promise<void>;
}

/**
 * A stand-in for the daemon where it is not installed: speaks INSTREAM as clamd(8) has it, and knows one signature, of the
 * EICAR test file, by its words.
 */
export const startClamdPeer = async (signature: string): Promise<ClamdPeer> => {
  let received: Buffer = Buffer.alloc(0);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    let input: Buffer = Buffer.alloc(0);
    received = Buffer.alloc(0);
    socket.on('data', (bytes) => {
      if (peer.mood === 'silent') return;
      if (peer.mood === 'hang-up') return void socket.destroy();
      if (peer.mood === 'babble') return void socket.end('UNKNOWN COMMAND\0');
      input = Buffer.concat([input, bytes]);
      const command = 'zINSTREAM\0';
      if (input.length < command.length) return;
      if (input.toString('latin1', 0, command.length) !== command)
        return void socket.end('UNKNOWN COMMAND\0');
      const { content, isWhole } = contentOf(input.subarray(command.length));
      if (typeof peer.mood === 'object' && content.length > peer.mood.limitBytes) {
        return void socket.end('INSTREAM size limit exceeded. ERROR\0');
      }
      if (!isWhole) return;
      received = content;
      socket.end(content.includes(signature) ? 'stream: Eicar-Test-Signature FOUND\0' : 'stream: OK\0');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port.');
  const peer: ClamdPeer = {
    url: `tcp://127.0.0.1:${address.port}`,
    mood: 'scan',
    received: () => received,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return peer;
};

/** Pieces, each after its length in four bytes; one of no length ends them. */
const contentOf = (stream: Buffer): { content: Buffer; isWhole: boolean } => {
  const pieces: Buffer[] = [];
  let at = 0;
  while (at + 4 <= stream.length) {
    const length = stream.readUInt32BE(at);
    if (length === 0) return { content: Buffer.concat(pieces), isWhole: true };
    pieces.push(stream.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return { content: Buffer.concat(pieces), isWhole: false };
};
