import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { errorResponses } from '../../api/error-envelope.ts';
import { passKinds, passList, passObject, toPassObject } from '../../api/pass-object.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';
import { abortOnClose } from '../connection.ts';
import { parsePrefer } from '../prefer.ts';

const kind = z.enum(passKinds);

const body = z.strictObject({
  kind,
  dry_run: z.boolean().default(false).describe('Only report what there is to do'),
  force: z
    .boolean()
    .default(false)
    .describe(
      'Go through with what the pass would stop before: the removal of an unexpected share of all files; a list that misses many copies, each of which the provider then has to confirm',
    ),
});

const query = z.object({
  kind: kind.optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20).describe('Passes a page'),
  after: z
    .string()
    .regex(/^[\w-]{1,100}$/u)
    .optional()
    .describe('The id of the last pass of the page before'),
});

/** Any text, as in `file-params.ts`. */
const params = z.object({
  id: z
    .string()
    .transform((id) => id.replaceAll('\0', ''))
    .describe('The id of the pass'),
});

const admin = { scope: 'admin' } as const;

/** `POST` and `GET /v1/passes`, `GET /v1/passes/{id}`: runs over the whole record, for those with the scope `admin`. */
export const passesRoutes: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (app, { pipeline }) => {
  const { passes } = pipeline;
  app.post(
    '/v1/passes',
    {
      schema: {
        summary: 'Run a cleanup or a reconciliation',
        tags: ['Passes'],
        body,
        response: { 200: passObject, 202: passObject, ...errorResponses },
      },
      config: { ...admin, audit: 'pass.begin' },
    },
    async (request, reply) => {
      const { kind, dry_run: isDryRun, force: isForced } = request.body;
      const begun = await passes.begin({ kind, isDryRun, isForced });
      const { respondAsync, waitMs } = parsePrefer(request.headers.prefer);
      if (respondAsync) {
        reply.code(202).header('preference-applied', 'respond-async');
        return toPassObject(begun);
      }
      return toPassObject(await passes.find(begun.id, { waitMs, signal: abortOnClose(reply) }));
    },
  );
  app.get(
    '/v1/passes',
    {
      schema: {
        summary: 'List passes',
        tags: ['Passes'],
        querystring: query,
        response: { 200: passList, ...errorResponses },
      },
      config: admin,
    },
    async (request) => ({
      object: 'list' as const,
      data: (await passes.list(request.query)).map(toPassObject),
    }),
  );
  app.get(
    '/v1/passes/:id',
    {
      schema: {
        summary: 'Read a pass',
        tags: ['Passes'],
        params,
        response: { 200: passObject, ...errorResponses },
      },
      config: admin,
    },
    async (request, reply) => {
      // At once unless the client asks for a wait.
      const { prefer } = request.headers;
      const waitMs = prefer === undefined ? 0 : parsePrefer(prefer).waitMs;
      return toPassObject(await passes.find(request.params.id, { waitMs, signal: abortOnClose(reply) }));
    },
  );
};
