import swagger from '@fastify/swagger';
import apiReference from '@scalar/fastify-api-reference';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { allowOwnScripts } from './security-headers.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a route that reads its body itself takes, JSON Schema by media type, for the OpenAPI document only. */
    body?: Readonly<Record<string, object>>;
  }
}

/** Collects the schemas of every route registered after it, and serves them at `/openapi.json` and, readable, at `/docs`. */
export const registerOpenApi = async (app: FastifyInstance, version: string): Promise<void> => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Waybill',
        version,
        description: 'The file layer between applications or agents and the model providers.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
      security: [{ token: [] }],
    },
    transform: (route) => {
      const { schema, url } = jsonSchemaTransform(route);
      const streamed = route.route.config?.body;
      if (streamed === undefined) return { schema, url };
      const content = Object.entries(streamed).map(([type, body]) => [type, { schema: body }] as const);
      return { schema: { ...schema, body: { content: Object.fromEntries(content) } }, url };
    },
    transformObject: (document) => withoutInputTwins(jsonSchemaTransformObject(document)),
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  await app.register(async (reference) => {
    allowOwnScripts(reference);
    await reference.register(apiReference, {
      routePrefix: '/docs',
      // Nothing is loaded from elsewhere: fonts and telemetry of the reference stay off.
      configuration: { withDefaultFonts: false, telemetry: false, title: 'Waybill API' },
    });
  });
};

/** The schemas are registered once as answers and once more as `…Input`, which no route takes. */
const withoutInputTwins = (document: ReturnType<typeof jsonSchemaTransformObject>): typeof document => {
  const schemas = 'components' in document ? document.components?.schemas : undefined;
  for (const name of Object.keys(schemas ?? {})) {
    if (name.endsWith('Input') && schemas !== undefined) delete schemas[name];
  }
  return document;
};
