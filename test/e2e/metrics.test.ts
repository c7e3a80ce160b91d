import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Api, createApi, form, sha256 } from '../support/create-api.ts';
import { followBySse } from '../support/follow-events.ts';
import { postMcp, toolCall } from '../support/post-mcp.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { startStallingProxy } from '../support/stalling-proxy.ts';
import { type GatewayProcess, makeHome, startGateway } from '../support/start-gateway.ts';
import { type Providers, startProviders } from '../support/start-providers.ts';
import { createTus } from '../support/tus.ts';
import { until } from '../support/until.ts';

const METRICS_TOKEN = 'scrape-me-with-this';
const OWNER = 'canary-owner';
const NAME = 'canary-name.txt';

interface Metric {
  readonly type: string;
  readonly labels: readonly string[];
}

/** What stands in the text format, by name; `le` belongs to the format. */
const metricsIn = (text: string): ReadonlyMap<string, Metric> => {
  const samples = [...text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gmu)];
  return new Map(
    [...text.matchAll(/^# TYPE (\w+) (\w+)$/gmu)].map(([, name = '', type = '']) => {
      const suffix = type === 'histogram' ? '(_bucket|_sum|_count)' : '';
      const own = samples.filter(([, sample = '']) => new RegExp(`^${name}${suffix}$`, 'u').test(sample));
      const labels = own.flatMap(([, , pairs = '']) =>
        [...pairs.matchAll(/(\w+)="/gu)].map(([, label = '']) => label),
      );
      return [name, { type, labels: [...new Set(labels)].filter((label) => label !== 'le').toSorted() }];
    }),
  );
};

const documented = (): ReadonlyMap<string, Metric> => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
  return new Map(
    [...page.matchAll(/^\| `(\w+)` \| (\w+)[^|]*\| ([^|]*)\|/gmu)].map(
      ([, name = '', type = '', labels = '']) => [
        name,
        { type, labels: [...labels.matchAll(/`(\w+)`/gu)].map(([, label = '']) => label).toSorted() },
      ],
    ),
  );
};

let providers: Providers;
let gateway: GatewayProcess;
let api: Api;
let anybody: Api;

const scrape = async (): Promise<string> => {
  const answer = await anybody.call('GET', '/metrics', {
    headers: { authorization: `Bearer ${METRICS_TOKEN}` },
  });
  expect(answer.status).toBe(200);
  expect(answer.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/u);
  return String(answer.bytes);
};

const sampleOf = (text: string, sample: string): number => {
  const line = text.split('\n').find((one) => one.startsWith(`${sample} `));
  return line === undefined ? Number.NaN : Number(line.slice(sample.length + 1));
};

const runPass = async (kind: string): Promise<void> => {
  const answer = await api.call('POST', '/v1/passes', { json: { kind }, headers: { prefer: 'wait=30' } });
  expect(answer.json()).toMatchObject({ status: 'completed' });
};

beforeAll(async () => {
  const home = await makeHome();
  providers = await startProviders();
  gateway = await startGateway({
    home,
    env: {
      ...providers.env,
      METRICS_TOKEN,
      JWT_SECRET_KEY: JWT_SECRET,
      ALLOWED_PATHS: home,
      QUOTA_FILES: '12',
      AUTH_GRACE_UNTIL: new Date(Date.now() + 86_400_000).toISOString().slice(0, 10),
    },
  });
  anybody = createApi(gateway, null);
  api = createApi(gateway, await signToken({ sub: OWNER, scope: 'admin' }));
});

describe('the metrics after a day in small', () => {
  let text = '';
  beforeAll(async () => {
    await followBySse(gateway, { token: await signToken({ sub: OWNER, scope: 'admin' }) });
    await api.call('POST', '/v1/files?provider=kimi,glm', { body: form(['file', ['By a form.', NAME]]) });
    await api.upload({ text: 'By a raw body.', filename: NAME, query: 'provider=kimi' });
    const tus = createTus(gateway, await signToken({ sub: OWNER, scope: 'admin' }));
    const path = await tus.create(10);
    await tus.patch(path, 0, 'tus-');
    await tus.patch(path, 4, 'upload');
    await writeFile(join(gateway.home, NAME), 'By a path.');
    await api.call('POST', '/v1/files', { json: { path: join(gateway.home, NAME), provider: 'none' } });
    const bytes = 'By a raw body.'.length;
    const known = { sha256: sha256('By a raw body.'), bytes, filename: NAME, provider: 'none' };
    await api.call('POST', '/v1/files', { json: known });
    const { url } = (
      await api.call('POST', '/v1/upload-urls', { json: { filename: NAME, provider: 'none' } })
    ).json<{ url: string }>();
    await fetch(url, { method: 'PUT', body: 'By a URL.' });
    // What goes wrong.
    await providers.glm.fault('status', { on: 'upload', status: 503 });
    await api.upload({ text: 'Tried again.', query: 'provider=glm' });
    await providers.kimi.fault('status', { on: 'upload', status: 400 });
    await api.upload({ text: 'Refused there.', query: 'provider=kimi' });
    await api.upload({ text: '%PDF-1.7 is no picture', filename: 'canary.png', query: 'provider=none' });
    await api.upload({
      text: 'Without a token.',
      query: 'provider=none',
      headers: { authorization: 'Bearer x' },
    });
    await createApi(gateway, null).upload({ text: 'In the grace.', query: 'provider=none' });
    await anybody.call('GET', '/canary/path');
    await postMcp({ ...gateway, token: await signToken({ sub: OWNER }) }, toolCall(1, 'get_quota'));
    const listed = (await api.call('GET', '/v1/files')).json<{ data: { id: string }[] }>();
    await api.call('DELETE', `/v1/files/${listed.data[0]?.id}`);
    await runPass('cleanup');
    await runPass('reconcile');
    for (let more = 0; more < 12; more += 1)
      await api.upload({ text: `No. ${more}`, query: 'provider=none' });
    text = await until(
      'the record is read anew',
      async () => {
        const now = await scrape();
        const hasPass = sampleOf(now, 'waybill_pass_last_status{kind="reconcile",status="completed"}') === 1;
        return hasPass && sampleOf(now, 'waybill_provider_used_files{provider="glm"}') === 2 && now;
      },
      { deadlineMs: 40_000 },
    );
  });

  it('are those that docs/metrics.md has, with their types and labels, and no others', () => {
    const ours = [...metricsIn(text)].filter(([name]) => !/^(process|nodejs)_/u.test(name));
    expect(Object.fromEntries(ours.toSorted())).toEqual(Object.fromEntries([...documented()].toSorted()));
    expect(text).toMatch(/^process_cpu_seconds_total /mu);
    expect(text).toMatch(/^nodejs_eventloop_lag_seconds /mu);
  });

  it('name no user, no file and nothing else that somebody has chosen', () => {
    expect(text).not.toMatch(/canary|file-|upurl-|local|anonymous|scrape-me/u);
    const values = [...text.matchAll(/="([^"]*)"/gu)].map(([, value = '']) => value);
    expect(values.filter((value) => value.length > 40)).toEqual([]);
  });

  it('have counted what happened', () => {
    const received = (via: string, outcome: string): number =>
      sampleOf(text, `waybill_received_files_total{via="${via}",outcome="${outcome}"}`);
    expect(['form', 'tus', 'path', 'url'].map((via) => received(via, 'accepted'))).toEqual([1, 1, 1, 1]);
    expect(received('digest', 'known')).toBe(1);
    expect(received('raw', 'refused')).toBeGreaterThanOrEqual(2);
    expect(sampleOf(text, 'waybill_received_bytes_total{via="tus"}')).toBe(10);
    expect(sampleOf(text, 'file_upload_total{provider="kimi",status="completed"}')).toBe(2);
    expect(sampleOf(text, 'file_upload_total{provider="kimi",status="failed"}')).toBe(1);
    expect(sampleOf(text, 'file_upload_total{provider="glm",status="completed"}')).toBe(2);
    expect(sampleOf(text, 'waybill_delivery_retries_total{provider="glm",code="provider_unavailable"}')).toBe(
      1,
    );
    expect(sampleOf(text, 'waybill_delivery_failures_total{provider="kimi",code="provider_rejected"}')).toBe(
      1,
    );
    expect(sampleOf(text, 'waybill_errors_total{code="invalid_token"}')).toBe(1);
    expect(sampleOf(text, 'waybill_auth_refusals_total{code="invalid_token"}')).toBe(1);
    expect(sampleOf(text, 'waybill_auth_grace_requests_total')).toBe(1);
    expect(sampleOf(text, 'waybill_quota_refusals_total{limit="files"}')).toBeGreaterThan(0);
    expect(sampleOf(text, 'waybill_mcp_calls_total{tool="get_quota",outcome="ok"}')).toBe(1);
    expect(sampleOf(text, 'waybill_event_streams')).toBe(1);
    expect(sampleOf(text, 'waybill_receptions_in_progress')).toBe(0);
    expect(sampleOf(text, 'waybill_record_up')).toBe(1);
    expect(sampleOf(text, 'waybill_provider_used_files{provider="glm"}')).toBe(2);
    expect(sampleOf(text, 'waybill_passes_total{kind="cleanup",status="completed"}')).toBe(1);
  });
});

describe('a database that does not answer', () => {
  it('is told of, and keeps nobody from the rest', async () => {
    const url = new URL((await readFile(join(gateway.dataDir, 'postgres/postgres-url'), 'utf8')).trim());
    const stretch = await startStallingProxy(url.href);
    url.port = new URL(stretch.url).port;
    try {
      const env = { DATABASE_URL: url.href, DATABASE_SCHEMA: 'another', JWT_SECRET_KEY: JWT_SECRET };
      const other = createApi(await startGateway({ env }), '');
      const text = async (): Promise<string> => String((await other.call('GET', '/metrics')).bytes);
      expect(sampleOf(await text(), 'waybill_record_up')).toBe(1);
      stretch.stallAfter(0);
      const told = await until(
        'it is told of',
        async () => {
          const now = await text();
          return sampleOf(now, 'waybill_record_up') === 0 && now;
        },
        { deadlineMs: 40_000 },
      );
      expect(told).toContain('process_cpu_seconds_total');
      expect(told).not.toMatch(/^storage_usage_bytes/mu);
    } finally {
      await stretch.close();
    }
  });
});

describe('who may read the metrics', () => {
  it('is whoever brings the token for them, and no user', async () => {
    expect((await anybody.call('GET', '/metrics')).error().code).toBe('invalid_token');
    const answer = await api.call('GET', '/metrics');
    expect([answer.status, answer.error().code]).toEqual([401, 'invalid_token']);
  });
});

describe('the statistics', () => {
  it('have what happened a moment ago', async () => {
    const before = (await api.call('GET', '/v1/statistics?range=6h')).json<{ totals: { bytes: number } }>();
    await createApi(gateway, await signToken({ sub: 'another' })).upload({
      text: 'Ten bytes.',
      query: 'provider=kimi',
    });
    const now = (await api.call('GET', '/v1/statistics?range=6h')).json<{
      step_seconds: number;
      points: { at: number; delivered: Record<string, number> }[];
      totals: { bytes: number; delivered: Record<string, number> };
      now: { files: number; storage_bytes: number };
    }>();
    expect(now.step_seconds).toBe(300);
    expect(now.points.length).toBeGreaterThanOrEqual(1);
    expect(now.points.every(({ at }) => at % 300 === 0)).toBe(true);
    expect(now.totals.bytes - before.totals.bytes).toBe(10);
    expect(now.points.reduce((sum, { delivered }) => sum + (delivered.kimi ?? 0), 0)).toBe(
      now.totals.delivered.kimi,
    );
  });

  it('are for those who administer the gateway', async () => {
    const user = createApi(gateway, await signToken({ sub: 'another', scope: 'files:read' }));
    expect((await user.call('GET', '/v1/statistics')).error().code).toBe('insufficient_scope');
    expect((await api.call('GET', '/v1/statistics?range=1y')).error().code).toBe('invalid_request');
  });
});
