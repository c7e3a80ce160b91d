import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { errorResponses } from '../../api/error-envelope.ts';
import { quotaObject, toQuotaObject } from '../../api/quota-object.ts';
import { isSubject } from '../../core/principal.ts';
import type { Pipeline } from '../../pipeline/pipeline.ts';

const params = z.object({
  sub: z
    .string()
    .refine(isSubject, { error: 'must be a `sub` that a token can have' })
    .describe('The `sub` of the tokens'),
});
const limit = z.int().min(0).nullable().optional();
const change = z.strictObject({
  bytes: limit.describe('0: no limit; null: what QUOTA_BYTES says'),
  files: limit.describe('0: no limit; null: what QUOTA_FILES says'),
});

/** `GET` and `PUT /v1/quotas/{sub}`: anybody's quota, for those with the scope `admin`. */
export const administerQuotasRoutes: FastifyPluginAsyncZod<{ pipeline: Pipeline }> = async (
  app,
  { pipeline },
) => {
  const common = { tags: ['Quotas'], params, response: { 200: quotaObject, ...errorResponses } };
  app.get(
    '/v1/quotas/:sub',
    { schema: { summary: "Read a user's quota", ...common }, config: { scope: 'admin' } },
    async ({ params: { sub } }) => toQuotaObject(await pipeline.quota(sub)),
  );
  app.put(
    '/v1/quotas/:sub',
    {
      schema: { summary: "Change a user's quota", ...common, body: change },
      config: { scope: 'admin', audit: 'quota.set' },
    },
    async ({ params: { sub }, body }) => toQuotaObject(await pipeline.setQuota(sub, body)),
  );
};
