import type { FastifyReply, FastifyRequest } from 'fastify';
import { type FileObject, toFileObject } from '../api/file-object.ts';
import { GatewayError } from '../core/errors.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { Received } from '../pipeline/reception.ts';
import { noteFile } from './audit.ts';
import { abortOnClose } from './connection.ts';
import { parsePrefer } from './prefer.ts';
import { ownerOf } from './principals.ts';

/**
 * Has a file received and answers for it: at once with 202 when the client prefers that, else when every delivery has
 * ended or the wait is over. Rejects with `provider_rejected` when every provider refused for good; the file stays.
 */
export const answerUpload = async (
  pipeline: Pipeline,
  receive: (owner: string) => Promise<Received>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FileObject> => answerReceived(pipeline, () => receive(ownerOf(request)), request, reply);

/** The same where it is not the request that says whose file it is. */
export const answerReceived = async (
  pipeline: Pipeline,
  receive: () => Promise<Received>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FileObject> => {
  const signal = abortOnClose(reply);
  const received = await receive();
  noteFile(request, received.file.id);
  const { respondAsync, waitMs } = parsePrefer(request.headers.prefer);
  if (respondAsync) {
    reply.code(202).header('preference-applied', 'respond-async');
    return toFileObject(received, pipeline.retentionDays);
  }
  const found = await pipeline.outcome(received, { waitMs, signal });
  if (found.file.status === 'error') {
    const { id, statusDetails } = found.file;
    throw new GatewayError(
      'provider_rejected',
      `No provider took the file ${id}. ${statusDetails ?? ''}`.trim(),
      { fileId: id },
    );
  }
  return toFileObject(found, pipeline.retentionDays);
};
