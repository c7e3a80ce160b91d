import { Readable } from 'node:stream';
import { create as contentDisposition } from 'content-disposition';
import type { FastifyReply } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import parseRange from 'range-parser';
import { z } from 'zod';
import { GatewayError } from '../../core/errors.ts';
import type { TrackedFile } from '../../core/file.ts';
import { parseProvider } from '../../ingest/upload-options.ts';
import { requireMaster } from '../../pipeline/master-copy.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { abortOnClose } from '../connection.ts';
import { fileParams } from '../file-params.ts';
import { ownerOf } from '../principals.ts';

const query = z.object({
  from: z.string().optional().describe('A provider: what it returns for its copy, such as extracted text'),
});

/** `GET /v1/files/{id}/content`: the original bytes, whole or a range (RFC 9110, 14), or what a provider makes of them. */
export const getFileContentRoute: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (
  app,
  { pipeline },
) => {
  app.get(
    '/v1/files/:id/content',
    {
      schema: {
        summary: 'Read the content of a file',
        tags: ['Files'],
        params: fileParams,
        querystring: query,
      },
      config: { audit: 'file.read_content' },
    },
    async (request, reply) => {
      const owner = ownerOf(request);
      const signal = abortOnClose(reply);
      const { file } = await pipeline.find(owner, request.params.id);
      safeToOpen(reply, file);
      if (request.query.from !== undefined) {
        const from = parseProvider(request.query.from, pipeline.providers);
        const { mediaType, body } = await pipeline.providerContent({ owner, fileId: file.id, from, signal });
        return reply.type(mediaType).send(Readable.from(body, { objectMode: false }));
      }
      requireMaster(file);
      const etag = `"${file.sha256}"`;
      reply
        .header('etag', etag)
        .header('accept-ranges', 'bytes')
        .header('last-modified', file.createdAt.toUTCString());
      if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
      const isWhole = request.headers['if-range'] !== undefined && request.headers['if-range'] !== etag;
      const { start, end } = rangeOf(isWhole ? undefined : request.headers.range, file, reply);
      reply.type(file.mediaType).header('content-length', end - start);
      // A stream, though there is nothing to send: for none the framework announces a length of 0.
      if (request.method === 'HEAD') return reply.send(Readable.from([]));
      return reply.send(
        Readable.from(pipeline.bytes(file.blobKey, { start, end, signal }), { objectMode: false }),
      );
    },
  );
};

/** Bytes of strangers are never shown by a browser as a page of ours. */
const safeToOpen = (reply: FastifyReply, { filename }: TrackedFile): void => {
  reply
    .header('content-disposition', contentDisposition(filename))
    .header('x-content-type-options', 'nosniff')
    .header('content-security-policy', "default-src 'none'; sandbox")
    .header('cache-control', 'private, no-cache');
};

const matches = (header: string | undefined, etag: string): boolean =>
  header
    ?.split(',')
    .some((candidate) => candidate.trim() === '*' || candidate.trim().replace(/^W\//u, '') === etag) ?? false;

/** One range is served as asked; several, or what is no range, as the whole file, which the RFC allows. */
const rangeOf = (
  header: string | undefined,
  { sizeBytes }: TrackedFile,
  reply: FastifyReply,
): { start: number; end: number } => {
  const whole = { start: 0, end: sizeBytes };
  if (header === undefined) return whole;
  const ranges = parseRange(sizeBytes, withinSize(header, sizeBytes));
  if (ranges === -1) {
    reply.header('content-range', `bytes */${sizeBytes}`);
    throw new GatewayError(
      'range_not_satisfiable',
      `The file has ${sizeBytes} bytes; the range lies outside.`,
      { param: 'range' },
    );
  }
  const [range] = ranges === -2 || ranges.type !== 'bytes' || ranges.length !== 1 ? [] : ranges;
  if (range === undefined) return whole;
  reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${sizeBytes}`);
  return { start: range.start, end: range.end + 1 };
};

/** A suffix longer than the file is all of it (RFC 9110, 14.1.2); the parser takes it for one that lies outside. */
const withinSize = (header: string, sizeBytes: number): string =>
  header.replace(/^bytes=-(\d+)$/u, (suffix, length) => (Number(length) > sizeBytes ? 'bytes=0-' : suffix));
