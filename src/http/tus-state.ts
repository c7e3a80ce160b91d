import type { FastifyReply } from 'fastify';
import type { TrackedFile } from '../core/file.ts';
import type { UploadState } from '../pipeline/append-upload.ts';

/** Tells in headers how far an upload has come, and until when it is kept if nothing more comes. */
export const tellOffset = (reply: FastifyReply, state: UploadState): FastifyReply => {
  if ('file' in state) return reply.header('upload-offset', state.file.file.sizeBytes);
  tellExpiry(reply, state.upload.expiresAt);
  return reply.header('upload-offset', state.offsetBytes);
};

/** In the form of RFC 9110, 5.6.7. */
const tellExpiry = (reply: FastifyReply, expiresAt: Date): FastifyReply =>
  reply.header('upload-expires', expiresAt.toUTCString());

/** Tells in headers what the client has said of the upload. */
export const tellDescription = (reply: FastifyReply, state: UploadState): FastifyReply => {
  if ('file' in state) {
    const { file } = state.file;
    return reply.header('upload-length', file.sizeBytes).header('upload-metadata', describe(file));
  }
  const { lengthBytes, metadata } = state.upload;
  if (lengthBytes === null) reply.header('upload-defer-length', '1');
  else reply.header('upload-length', lengthBytes);
  return metadata === null ? reply : reply.header('upload-metadata', metadata);
};

/** A file does not keep what its client sent, only what was made of it. */
const describe = ({ filename, mediaType, purpose }: TrackedFile): string =>
  Object.entries({ filename, filetype: mediaType, purpose })
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');
