import fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { Tokens } from '../admission/tokens.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { Logger } from '../platform/log.ts';
import { requireToken } from './authentication.ts';
import { registerConnectionRules } from './connection.ts';
import { answerBadAddress, answerBrokenRequest, registerErrorHandler } from './error-handler.ts';
import { registerOpenApi } from './openapi.ts';
import { newRequestId } from './request-id.ts';
import { appendUploadRoute } from './routes/append-upload.ts';
import { consoleRoutes } from './routes/console.ts';
import { createDeliveryRoute } from './routes/create-delivery.ts';
import { createFileRoute } from './routes/create-file.ts';
import { createUploadRoute } from './routes/create-upload.ts';
import { deleteFileRoute } from './routes/delete-file.ts';
import { getFileRoute } from './routes/get-file.ts';
import { getFileContentRoute } from './routes/get-file-content.ts';
import { listFilesRoute } from './routes/list-files.ts';
import { listProvidersRoute } from './routes/list-providers.ts';
import { overriddenMethodRoute } from './routes/overridden-method.ts';
import { probeRoutes } from './routes/probes.ts';
import { putFileRoute } from './routes/put-file.ts';
import { terminateUploadRoute } from './routes/terminate-upload.ts';
import { tusOptionsRoute } from './routes/tus-options.ts';
import { uploadOffsetRoute } from './routes/upload-offset.ts';
import { watchFilesRoute } from './routes/watch-files.ts';
import { registerTusRules, requireTusVersion } from './tus-protocol.ts';
import { isWebSocketRequest } from './websockets.ts';

export interface HttpServerOptions {
  readonly pipeline: Pipeline;
  readonly tokens: Tokens;
  readonly version: string;
  readonly log: Logger;
}

/** A connection on which nothing moves, in either direction, is closed after this. */
const IDLE_MS = 120_000;
const HEADERS_MS = 30_000;
const MAX_JSON_BYTES = 64 * 2 ** 10;

/** The HTTP surface, not yet listening. The caller listens and closes. */
export const createHttpServer = async ({
  pipeline,
  tokens,
  version,
  log,
}: HttpServerOptions): Promise<FastifyInstance> => {
  const app = fastify({
    logger: false,
    // Asked for in `registerConnectionRules`, which answers in the envelope.
    http: { requireHostHeader: false, shouldUpgradeCallback: isWebSocketRequest },
    genReqId: newRequestId,
    bodyLimit: MAX_JSON_BYTES,
    connectionTimeout: IDLE_MS,
    forceCloseConnections: 'idle',
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: answerBadAddress,
    routerOptions: { maxParamLength: 255 },
  });
  app.server.headersTimeout = HEADERS_MS;
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  registerErrorHandler(app, log);
  registerConnectionRules(app);
  app.addHook('onSend', async (request, reply) => void reply.header('x-request-id', request.id));
  app.addHook('onResponse', async ({ id, method, routeOptions }, { statusCode, elapsedTime }) =>
    log.debug({
      event: 'request',
      request: id,
      method,
      route: routeOptions.url ?? null,
      status: statusCode,
      duration_ms: elapsedTime,
    }),
  );

  await registerOpenApi(app, version);
  await app.register(probeRoutes, { pipeline });
  await app.register(consoleRoutes);
  await app.register(watchFilesRoute, { pipeline, tokens, log });
  await app.register(async (authenticated) => {
    requireToken(authenticated, tokens);
    for (const route of [
      listFilesRoute,
      getFileRoute,
      getFileContentRoute,
      deleteFileRoute,
      createDeliveryRoute,
      listProvidersRoute,
    ]) {
      await authenticated.register(route, { pipeline });
    }
    await authenticated.register(async (streaming) => {
      leaveBodies(streaming);
      await streaming.register(createFileRoute, { pipeline });
      await streaming.register(putFileRoute, { pipeline });
    });
  });
  await app.register(async (tus) => {
    registerTusRules(tus);
    await tus.register(tusOptionsRoute, { pipeline });
    await tus.register(async (authenticated) => {
      requireToken(authenticated, tokens);
      requireTusVersion(authenticated);
      leaveBodies(authenticated);
      for (const route of [createUploadRoute, uploadOffsetRoute, appendUploadRoute, terminateUploadRoute]) {
        await authenticated.register(route, { pipeline });
      }
      await authenticated.register(overriddenMethodRoute, { pipeline });
    });
  });
  await app.ready();
  return app;
};

/** Bodies of files are read by the routes themselves, as they come. */
const leaveBodies = (app: FastifyInstance): void => {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
};
