import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { errorResponses } from '../../api/error-envelope.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Incoming } from '../../core/incoming.ts';
import { parseIdempotencyKey } from '../../ingest/idempotency-key.ts';
import { parseNewLength } from '../../ingest/tus-headers.ts';
import { type DescribedUpload, describeUpload, parseUploadMetadata } from '../../ingest/tus-metadata.ts';
import type { UploadState } from '../../pipeline/append-upload.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import type { UploadKey } from '../../pipeline/uploads.ts';
import { noteFile } from '../audit.ts';
import { ownerOf } from '../principals.ts';
import { type Piece, pieceBody, readPiece } from '../tus-protocol.ts';
import { tellOffset } from '../tus-state.ts';

/** `POST /v1/tus`: begins a resumable upload, with the first piece of the file or all of it if the client likes. */
export const createUploadRoute: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (app, { pipeline }) => {
  for (const url of ['/v1/tus', '/v1/tus/']) {
    app.post(
      url,
      {
        schema: {
          hide: url !== '/v1/tus',
          summary: 'Begin a resumable upload (tus)',
          description:
            'Wants `Tus-Resumable: 1.0.0`, `Upload-Length` or `Upload-Defer-Length: 1`, and in `Upload-Metadata` ' +
            '`filename`, `filetype`, `purpose`, `provider`. Answers with the address of the upload in `Location`.',
          tags: ['Resumable uploads'],
          response: { 201: z.null(), ...errorResponses },
        },
        config: { audit: 'upload.create', body: pieceBody },
      },
      async (request, reply) => void (await createUpload(pipeline, request, reply)),
    );
  }
};

const createUpload = async (
  pipeline: Pipeline,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> => {
  const { headers } = request;
  const lengthBytes = parseNewLength(headers['upload-length'], headers['upload-defer-length']);
  const described = describeUpload(parseUploadMetadata(headers['upload-metadata']), pipeline.providers);
  const piece = readPiece(request);
  const owner = ownerOf(request);
  if (piece !== null && lengthBytes !== null && piece.sizeBytes === lengthBytes) {
    const received = await pipeline.receive(owner, incoming(described, piece, headers['idempotency-key']));
    noteFile(request, received.file.id);
    return tellOffset(reply, { file: received })
      .code(201)
      .header('location', locationOf(received.file.id))
      .send();
  }
  const announcedBytes = piece?.sizeBytes ?? 0;
  if (lengthBytes !== null && announcedBytes > lengthBytes) throw tooLong(announcedBytes, lengthBytes);
  const metadata = headers['upload-metadata']?.toString() ?? null;
  const upload = await pipeline.uploads.create({ ...described, owner, lengthBytes, metadata });
  noteFile(request, upload.id);
  const state =
    piece === null
      ? { upload, offsetBytes: 0 }
      : await appendFirst(pipeline, { owner, id: upload.id }, piece);
  return tellOffset(reply, state).code(201).header('location', locationOf(upload.id)).send();
};

/** A file that comes with the request that announces it needs no record of its way. */
const incoming = (
  { options, ...described }: DescribedUpload,
  { body, sizeBytes }: Piece,
  idempotencyKey: string | string[] | undefined,
): Incoming => ({
  via: 'tus',
  ...described,
  options,
  finalOptions: () => options,
  idempotencyKey: parseIdempotencyKey(idempotencyKey),
  sizeBytes,
  body,
});

/** Nobody can go on with an upload whose address was not told: when its first piece fails, it goes. */
const appendFirst = async (pipeline: Pipeline, key: UploadKey, piece: Piece): Promise<UploadState> => {
  try {
    return await pipeline.uploads.append(key, {
      offsetBytes: 0,
      lengthBytes: null,
      body: piece.body,
      isAllOrNothing: piece.isVerified,
    });
  } catch (error) {
    // What a fault keeps from going now, expires.
    await pipeline.uploads.remove(key).catch(() => undefined);
    throw error;
  }
};

/** Resolved by clients against the address they asked, so it is right behind any proxy that keeps paths. */
const locationOf = (id: string): string => `/v1/tus/${id}`;

const tooLong = (sizeBytes: number, lengthBytes: number): GatewayError =>
  new GatewayError(
    'file_too_large',
    `The body has ${sizeBytes} bytes, more than the ${lengthBytes} of Upload-Length.`,
    { param: 'Upload-Length' },
  );
