import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { errorResponses } from '../../api/error-envelope.ts';
import { fileList, toFileList } from '../../api/file-list.ts';
import { parseProvider } from '../../ingest/upload-options.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
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

/** `GET /v1/files`: the caller's own files. */
export const listFilesRoute: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (app, { pipeline }) => {
  app.get(
    '/v1/files',
    {
      schema: {
        summary: 'List files',
        tags: ['Files'],
        querystring: query,
        response: { 200: fileList, ...errorResponses },
      },
    },
    async (request) => {
      const { provider, ...rest } = request.query;
      if (provider !== undefined) parseProvider(provider, pipeline.providers);
      const found = await pipeline.list(ownerOf(request), provider === undefined ? rest : request.query);
      return toFileList(found, pipeline.retentionDays);
    },
  );
};
