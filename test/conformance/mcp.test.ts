import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import fastify from 'fastify';
import { afterAll, describe, expect, it } from 'vitest';
import { createTokens } from '../../src/admission/tokens.ts';
import { registerErrorHandler } from '../../src/http/error-handler.ts';
import { mcpRoute } from '../../src/http/routes/mcp.ts';
import { createSites } from '../../src/http/sites.ts';
import { registerWebSockets } from '../../src/http/websockets.ts';
import { createRunningCalls } from '../../src/mcp/running-calls.ts';
import { createLogger } from '../../src/platform/log.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { startGateway } from '../support/start-gateway.ts';
import { createFixtureServer } from './mcp-fixture-server.ts';

const require = createRequire(import.meta.url);
const SUITE = require.resolve('@modelcontextprotocol/conformance/dist/index.js');
const DEADLINE_MS = 60_000;

interface Run {
  readonly exitCode: number;
  readonly output: string;
}

/** Runs every scenario of the official suite against a server. */
const runSuite = (url: string, expectedFailures: string): Promise<Run> =>
  new Promise((resolve) => {
    const failures = join(import.meta.dirname, expectedFailures);
    const args = ['server', '--url', url, '--suite', 'all', '--expected-failures', failures];
    execFile(process.execPath, [SUITE, ...args], { timeout: DEADLINE_MS }, (error, stdout, stderr) =>
      resolve({ exitCode: error === null ? 0 : Number(error.code ?? 1), output: `${stdout}${stderr}` }),
    );
  });

/** Scenarios with a check that passed, and none that failed. */
const passed = ({ output }: Run): number =>
  [...output.matchAll(/^✓ [\w-]+: [1-9]\d* passed, 0 failed/gmu)].length;

describe('the official conformance suite', () => {
  const ending: (() => Promise<unknown>)[] = [];
  afterAll(() => Promise.all(ending.map((end) => end())));

  it('passes but for what asks for its own fixtures, U48 among it', { timeout: DEADLINE_MS }, async () => {
    // It can send no token.
    const until = new Date(Date.now() + 86_400_000).toISOString();
    const gateway = await startGateway({ env: { AUTH_GRACE_UNTIL: `${until.slice(0, 19)}Z` } });
    const run = await runSuite(`${gateway.url}/mcp`, 'mcp-expected-failures.yml');
    expect(run.output).toMatch(/✓ dns-rebinding-protection: 2 passed, 0 failed/u);
    expect(run).toMatchObject({ exitCode: 0 });
    expect(passed(run)).toBe(6);
  });

  it('passes with its fixtures on the same transport', { timeout: DEADLINE_MS }, async () => {
    const app = fastify();
    const log = createLogger('error');
    registerErrorHandler(app, log);
    ending.push(() => app.close());
    const token = await signToken({ sub: 'suite' });
    app.addHook('onRequest', async ({ raw }) => void raw.rawHeaders.push('authorization', `Bearer ${token}`));
    const sites = createSites({ publicUrl: null, corsOrigins: [] });
    await registerWebSockets(app, sites);
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _payload, done) => done(null));
    await app.register(mcpRoute, {
      tokens: createTokens({ secret: JWT_SECRET }),
      sites,
      serverFor: createFixtureServer,
      running: createRunningCalls(),
      log,
    });
    await app.listen({ port: 0 });
    const { port } = app.server.address() as AddressInfo;
    const run = await runSuite(`http://localhost:${port}/mcp`, 'mcp-fixture-failures.yml');
    expect(run).toMatchObject({ exitCode: 0 });
    expect(passed(run)).toBe(24);
  });
});
