import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { parseProvider } from '../../ingest/upload-options.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { errorResponses } from '../error-envelope.ts';
import { fileObject, toFileObject } from '../file-object.ts';
import { ownerOf } from '../principals.ts';

/** OpenAI's own bounds. */
const MAX_LIMIT = 10_000;

/** Postgres refuses a NUL in any text. */
const text = (maxCharacters: number) =>
  z
    .string()
    .max(maxCharacters)
    .refine((value) => !value.includes('\0'), { error: 'must not contain NUL' });

const query = z.object({
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(MAX_LIMIT).describe('Files a page'),
  after: text(100).optional().describe('The id of the last file of the page before'),
  order: z.enum(['asc', 'desc']).default('desc').describe('By time of creation'),
  purpose: text(100).optional(),
  provider: z.string().max(100).optional().describe('Only files with a delivery to this provider'),
  status: z.enum(['uploaded', 'processed', 'error']).optional(),
  q: text(255).optional().describe('Part of the file name, in any case'),
});

const page = z.object({
  object: z.literal('list'),
  data: z.array(fileObject),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
});

/** `GET /v1/files`: the caller's own files. */
export const listFilesRoute: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (app, { pipeline }) => {
  app.get(
    '/v1/files',
    {
      schema: {
        summary: 'List files',
        tags: ['Files'],
        querystring: query,
        response: { 200: page, ...errorResponses },
      },
    },
    async (request) => {
      const { provider, ...rest } = request.query;
      if (provider !== undefined) parseProvider(provider, pipeline.providers);
      const { files, hasMore } = await pipeline.list(
        ownerOf(request),
        request.query.provider === undefined ? rest : request.query,
      );
      const data = files.map(toFileObject);
      return {
        object: 'list' as const,
        data,
        first_id: data.at(0)?.id ?? null,
        last_id: data.at(-1)?.id ?? null,
        has_more: hasMore,
      };
    },
  );
};
