/** tus 1.0.0 (https://tus.io/protocols/resumable-upload) as every route of `/v1/tus` speaks it. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GatewayError } from '../core/errors.ts';
import { readRawBody } from '../ingest/raw-body.ts';
import { parseUploadChecksum, verified } from '../ingest/tus-checksum.ts';

const VERSION = '1.0.0';
const MEDIA_TYPE = 'application/offset+octet-stream';

/** For the routes that read a piece of a file. */
export const pieceBody = { [MEDIA_TYPE]: { type: 'string', format: 'binary' } };

/** What every answer has, refusals too. Offsets are as good as the moment. */
export const registerTusRules = (app: FastifyInstance): void => {
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('tus-resumable', VERSION).header('cache-control', 'no-store');
  });
};

/** Refuses every request but `OPTIONS` that does not speak our version, with `unsupported_version`. */
export const requireTusVersion = (app: FastifyInstance): void => {
  app.addHook('onRequest', async ({ headers }, reply) => {
    if (headers['tus-resumable'] === VERSION) return;
    reply.header('tus-version', VERSION);
    throw new GatewayError(
      'unsupported_version',
      `Send Tus-Resumable: ${VERSION}, the one version spoken here.`,
      {
        param: 'Tus-Resumable',
      },
    );
  });
};

/** The answer to a question about what is spoken here. */
export const tellTus = (
  reply: FastifyReply,
  {
    extensions,
    maxSizeBytes,
    checksums,
  }: { extensions: string; maxSizeBytes: number; checksums: readonly string[] },
): FastifyReply =>
  reply
    .code(204)
    .header('tus-version', VERSION)
    .header('tus-extension', extensions)
    .header('tus-max-size', maxSizeBytes)
    .header('tus-checksum-algorithm', checksums.join(','));

/** The piece of a file in a request. */
export interface Piece {
  readonly body: AsyncIterable<Buffer>;
  /** As announced; null when it is not. */
  readonly sizeBytes: number | null;
  /** Whether the body rejects at its end when it was not what its checksum says. */
  readonly isVerified: boolean;
}

/** Null when there is no body. Rejects one that is not `application/offset+octet-stream` with `unsupported_media_type`. */
export const readPiece = ({ headers, raw }: FastifyRequest): Piece | null => {
  const announced = headers['content-length'];
  if (headers['transfer-encoding'] === undefined && Number(announced ?? 0) === 0) return null;
  requirePieceType(headers);
  const checksum = parseUploadChecksum(headers['upload-checksum']);
  const body = readRawBody(raw);
  return {
    body: checksum === null ? body : verified(body, checksum),
    sizeBytes: announced === undefined ? null : Number(announced),
    isVerified: checksum !== null,
  };
};

/** Rejects another type, or an encoding, with `unsupported_media_type`. */
export const requirePieceType = (headers: FastifyRequest['headers']): void => {
  const [type = ''] = (headers['content-type'] ?? '').split(';', 1);
  const isEncoded = (headers['content-encoding'] ?? 'identity') !== 'identity';
  if (type.trim().toLowerCase() === MEDIA_TYPE && !isEncoded) return;
  throw new GatewayError(
    'unsupported_media_type',
    `Send the bytes with Content-Type: ${MEDIA_TYPE} and without a Content-Encoding.`,
    { param: 'Content-Type' },
  );
};
