import type { FastifyReply, FastifyRequest } from 'fastify';
import { GatewayError } from '../core/errors.ts';
import type { Incoming } from '../core/incoming.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { ownerOf } from './authentication.ts';
import { abortOnClose } from './connection.ts';
import { type FileObject, toFileObject } from './file-object.ts';
import { parsePrefer } from './prefer.ts';

/**
 * Receives a file and answers for it: at once with 202 when the client prefers that, else when every delivery has
 * ended or the wait is over. Rejects with `provider_rejected` when every provider refused for good; the file stays.
 */
export const answerUpload = async (
  pipeline: Pipeline,
  incoming: Incoming,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FileObject> => {
  const owner = ownerOf(request);
  const signal = abortOnClose(reply);
  const received = await pipeline.receive(owner, incoming);
  const { respondAsync, waitMs } = parsePrefer(request.headers.prefer);
  if (respondAsync) {
    reply.code(202).header('preference-applied', 'respond-async');
    return toFileObject(received);
  }
  const found = await pipeline.find(owner, received.file.id, { waitMs, signal });
  if (found.file.status === 'error') {
    const { id, statusDetails } = found.file;
    throw new GatewayError(
      'provider_rejected',
      `No provider took the file ${id}. ${statusDetails ?? ''}`.trim(),
      { fileId: id },
    );
  }
  return toFileObject(found);
};
