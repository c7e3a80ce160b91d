import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { checksumAlgorithms } from '../../ingest/tus-checksum.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { tellTus } from '../tus-protocol.ts';

const EXTENSIONS = 'creation,creation-with-upload,creation-defer-length,termination,expiration,checksum';

/** `OPTIONS /v1/tus`: which tus is spoken here. Needs no token. */
export const tusOptionsRoute: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (app, { pipeline }) => {
  for (const url of ['/v1/tus', '/v1/tus/', '/v1/tus/:id']) {
    app.options(
      url,
      {
        schema: {
          hide: url !== '/v1/tus',
          summary: 'Ask which version and extensions of tus are spoken',
          description:
            'Answers in `Tus-Version`, `Tus-Extension`, `Tus-Max-Size` and `Tus-Checksum-Algorithm`.',
          tags: ['Resumable uploads'],
          security: [],
          response: { 204: z.null() },
        },
      },
      async (_request, reply) =>
        void (await tellTus(reply, {
          extensions: EXTENSIONS,
          maxSizeBytes: pipeline.maxFileBytes,
          checksums: checksumAlgorithms,
        }).send()),
    );
  }
};
