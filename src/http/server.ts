import fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { RateLimits } from '../admission/rate-limits.ts';
import type { Tokens } from '../admission/tokens.ts';
import { createRunningCalls } from '../mcp/running-calls.ts';
import type { AuditTrail } from '../pipeline/audit-trail.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { ReadRecord } from '../pipeline/record-reading.ts';
import type { StatisticsKeeper } from '../pipeline/statistics.ts';
import type { Logger } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import { registerAudit } from './audit.ts';
import { requireToken } from './authentication.ts';
import { watchBodyPace } from './body-pace.ts';
import { registerConnectionRules } from './connection.ts';
import { answerBadAddress, answerBrokenRequest, registerErrorHandler } from './error-handler.ts';
import { createMcpServers } from './mcp-servers.ts';
import { registerOpenApi } from './openapi.ts';
import { limitRates } from './rate-limiting.ts';
import { followRequests } from './request-context.ts';
import { newRequestId } from './request-id.ts';
import { countAnswers } from './request-metrics.ts';
import { administerQuotasRoutes } from './routes/administer-quotas.ts';
import { appendUploadRoute } from './routes/append-upload.ts';
import { consoleRoutes } from './routes/console.ts';
import { type ConsoleSettings, consoleSettingsRoute } from './routes/console-settings.ts';
import { createDeliveryRoute } from './routes/create-delivery.ts';
import { createFileRoute } from './routes/create-file.ts';
import { createUploadRoute } from './routes/create-upload.ts';
import { createUploadUrlRoute } from './routes/create-upload-url.ts';
import { deleteFileRoute } from './routes/delete-file.ts';
import { getFileRoute } from './routes/get-file.ts';
import { getFileContentRoute } from './routes/get-file-content.ts';
import { getQuotaRoute } from './routes/get-quota.ts';
import { listFilesRoute } from './routes/list-files.ts';
import { listProvidersRoute } from './routes/list-providers.ts';
import { mcpRoute } from './routes/mcp.ts';
import { metricsRoute } from './routes/metrics.ts';
import { overriddenMethodRoute } from './routes/overridden-method.ts';
import { passesRoutes } from './routes/passes.ts';
import { probeRoutes } from './routes/probes.ts';
import { putByUploadUrlRoute } from './routes/put-by-upload-url.ts';
import { putFileRoute } from './routes/put-file.ts';
import { statisticsRoute } from './routes/statistics.ts';
import { terminateUploadRoute } from './routes/terminate-upload.ts';
import { tusOptionsRoute } from './routes/tus-options.ts';
import { uploadOffsetRoute } from './routes/upload-offset.ts';
import { watchFilesRoute } from './routes/watch-files.ts';
import { registerSecurityHeaders } from './security-headers.ts';
import { createSites } from './sites.ts';
import { limitConnections, socketLimits } from './socket-limits.ts';
import { registerTusRules, requireTusVersion } from './tus-protocol.ts';
import { isWebSocketRequest, registerWebSockets } from './websockets.ts';

export interface HttpServerOptions {
  readonly pipeline: Pipeline;
  readonly tokens: Tokens;
  /** Null: none. */
  readonly limits: RateLimits | null;
  /** Whose word on where a request comes from is taken, as addresses and networks. */
  readonly trustedProxies: readonly string[];
  /** The address that users know; null: the one that each of them asks. */
  readonly publicUrl: string | null;
  /** Origins of web pages elsewhere that may call the API. */
  readonly corsOrigins: readonly string[];
  /** Where users of the console sign in; null: with a token. */
  readonly supabaseUrl: string | null;
  readonly consoleSettings: ConsoleSettings;
  readonly metrics: Metrics;
  readonly readRecord: ReadRecord;
  /** What `/metrics` asks for; null: nothing. */
  readonly metricsToken: string | null;
  readonly statistics: StatisticsKeeper;
  readonly audit: AuditTrail;
  readonly version: string;
  readonly log: Logger;
}

const MAX_JSON_BYTES = 64 * 2 ** 10;

/** The HTTP surface, not yet listening. The caller listens and closes. */
export const createHttpServer = async ({
  pipeline,
  tokens,
  limits,
  trustedProxies,
  publicUrl,
  corsOrigins,
  supabaseUrl,
  consoleSettings,
  metrics,
  readRecord,
  metricsToken,
  statistics,
  audit,
  version,
  log,
}: HttpServerOptions): Promise<FastifyInstance> => {
  const app = fastify({
    logger: false,
    // Asked for in `registerConnectionRules`, which answers in the envelope.
    http: {
      requireHostHeader: false,
      shouldUpgradeCallback: isWebSocketRequest,
      headersTimeout: socketLimits.headersMs,
      connectionsCheckingInterval: socketLimits.checkEveryMs,
      maxHeaderSize: socketLimits.headerBytes,
    },
    genReqId: newRequestId,
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    bodyLimit: MAX_JSON_BYTES,
    connectionTimeout: socketLimits.idleMs,
    keepAliveTimeout: socketLimits.keepAliveMs,
    // Files take as long as they take; see `socket-limits.ts`.
    requestTimeout: 0,
    forceCloseConnections: 'idle',
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket, metrics.http.failed),
    frameworkErrors: answerBadAddress,
    routerOptions: { maxParamLength: 255 },
  });
  limitConnections(app.server);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  followRequests(app);
  registerErrorHandler(app, log);
  // Before whatever may refuse a request, so that refusals have them too.
  await registerSecurityHeaders(app, { isHttps: publicUrl?.startsWith('https:') ?? false, corsOrigins });
  registerAudit(app, audit);
  countAnswers(app, metrics.http);
  if (limits !== null) limitRates(app, limits, metrics.http);
  registerConnectionRules(app);
  watchBodyPace(app);
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
  await app.register(metricsRoute, { metrics, readRecord, token: metricsToken });
  await app.register(consoleRoutes, { supabaseUrl });
  await app.register(consoleSettingsRoute, { settings: consoleSettings });
  const sites = createSites({ publicUrl, corsOrigins });
  await app.register(async (upgradable) => {
    await registerWebSockets(upgradable, sites);
    await upgradable.register(watchFilesRoute, { pipeline, tokens, metrics, log });
    await upgradable.register(async (mcp) => {
      leaveBodies(mcp);
      const running = createRunningCalls();
      const serverFor = createMcpServers({ pipeline, publicUrl, running, audit, metrics, version, log });
      await mcp.register(mcpRoute, { tokens, sites, serverFor, running, log });
    });
  });
  await app.register(async (authenticated) => {
    requireToken(authenticated, tokens);
    for (const route of [
      listFilesRoute,
      getFileRoute,
      getFileContentRoute,
      deleteFileRoute,
      createDeliveryRoute,
      listProvidersRoute,
      getQuotaRoute,
      administerQuotasRoutes,
      passesRoutes,
    ]) {
      await authenticated.register(route, { pipeline });
    }
    await authenticated.register(createUploadUrlRoute, { pipeline, publicUrl });
    await authenticated.register(statisticsRoute, { statistics });
    await authenticated.register(async (streaming) => {
      leaveBodies(streaming);
      await streaming.register(createFileRoute, { pipeline });
      await streaming.register(putFileRoute, { pipeline });
    });
  });
  await app.register(async (signed) => {
    leaveBodies(signed);
    await signed.register(putByUploadUrlRoute, { pipeline });
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
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, readsBody: true };
  });
};
