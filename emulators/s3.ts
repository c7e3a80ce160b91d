import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { answerEmpty, answerXml, S3Error } from './s3-answers.ts';
import { operationOf, type S3Rules, s3Calls } from './s3-calls.ts';
import { type MultipartUpload, type S3Object, S3Shelf } from './s3-shelf.ts';

export interface S3EmulatorOptions {
  /** For the bytes; made when missing, never removed. */
  readonly directory: string;
  readonly bucket: string;
  /** The only access key that is let in. Signatures are not computed: a real server's test does that. */
  readonly accessKeyId: string;
  readonly rules?: Partial<S3Rules>;
}

/**
 * What goes wrong with the next calls of an operation, such as `UploadPart`: `status` answers so and does nothing, `lost`
 * does it and loses the answer, `reset` loses the connection before, `cut` does so in the middle of a body that is being
 * read, `corrupt` answers with the checksums of other bytes.
 */
interface S3Fault {
  readonly on: string;
  readonly kind: 'status' | 'lost' | 'reset' | 'cut' | 'corrupt';
  readonly status?: number;
  readonly code?: string;
  /** Default 1. */
  readonly times?: number;
}

/** A call that is held up on its way, whose client may have died or stalled by the time it is carried out. */
interface S3Hold {
  readonly begun: Promise<void>;
  letGo(): void;
}

/** One bucket behind the part of S3's API that a blob store uses, addressed by path. The owner calls `close`. */
export interface S3Emulator {
  readonly url: string;
  /** By name. */
  readonly objects: ReadonlyMap<string, S3Object>;
  /** By id: those neither completed nor aborted. */
  readonly uploads: ReadonlyMap<string, MultipartUpload>;
  /** The operations asked for so far, in order. */
  readonly operations: readonly string[];
  fault(fault: S3Fault): void;
  /** Takes the next call of an operation on an object whose name has this in it, and carries it out only when it is let go. */
  hold(on: string, name: string): S3Hold;
  /** Drops all connections and takes no more. */
  leave(): Promise<void>;
  /** Is there again at the same address, with all it had. */
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

const RULES: S3Rules = { leastPartBytes: 5 * 2 ** 20, checksums: true };

export const startS3Emulator = async (options: S3EmulatorOptions): Promise<S3Emulator> => {
  await mkdir(options.directory, { recursive: true });
  const shelf = new S3Shelf(options.directory);
  const rules = { ...RULES, ...options.rules };
  const faults: { fault: S3Fault; left: number }[] = [];
  const operations: string[] = [];
  const holds: { on: string; name: string; begin(): void; readonly over: Promise<void> }[] = [];
  const sockets = new Set<Socket>();

  const nextFault = (operation: string): S3Fault | null => {
    const due = faults.find(({ fault, left }) => fault.on === operation && left > 0);
    if (due === undefined) return null;
    due.left -= 1;
    return due.fault;
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const [, bucket = '', ...rest] = decodeURIComponent(url.pathname).split('/');
    const call = { shelf, bucket, name: rest.join('/'), query: url.searchParams, request, response, rules };
    const operation = operationOf(call);
    operations.push(operation);
    const held = holds.findIndex(({ on, name }) => on === operation && call.name.includes(name));
    const [hold] = held < 0 ? [] : holds.splice(held, 1);
    hold?.begin();
    await hold?.over;
    const fault = nextFault(operation);
    if (fault?.kind === 'reset') return void request.socket.destroy();
    if (fault?.kind === 'status') throw new S3Error(fault.status ?? 503, fault.code ?? 'SlowDown');
    if (!`${request.headers.authorization}`.includes(`Credential=${options.accessKeyId}/`))
      throw new S3Error(403, 'InvalidAccessKeyId');
    if (bucket !== options.bucket) throw new S3Error(404, 'NoSuchBucket');
    const answer = s3Calls[operation];
    if (answer === undefined) throw new S3Error(405, 'MethodNotAllowed');
    if (fault?.kind === 'lost') response.end = (() => request.socket.destroy()) as never;
    const spoil = fault?.kind === 'cut' || fault?.kind === 'corrupt' ? fault.kind : null;
    await answer({ ...call, spoil });
  };

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      // The client, or a fault, has gone away.
      if (!(error instanceof S3Error)) return void response.destroy();
      request.resume();
      if (request.method === 'HEAD') answerEmpty(response, error.status);
      else
        answerXml(
          response,
          { Error: { Code: error.code, Message: 'As the emulator was told.' } },
          error.status,
        );
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const listen = async (port: number): Promise<number> => {
    await once(server.listen(port, '127.0.0.1'), 'listening');
    return (server.address() as AddressInfo).port;
  };
  const leave = async (): Promise<void> => {
    if (!server.listening) return;
    const left = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await left;
  };
  const port = await listen(0);

  return {
    url: `http://127.0.0.1:${port}`,
    objects: shelf.objects,
    uploads: shelf.uploads,
    operations,
    fault: (fault) => void faults.push({ fault, left: fault.times ?? 1 }),
    hold: (on, name) => {
      const [begun, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      holds.push({ on, name, begin: begun.resolve, over: over.promise });
      return { begun: begun.promise, letGo: over.resolve };
    },
    leave,
    comeBack: async () => void (await listen(port)),
    close: leave,
  };
};
