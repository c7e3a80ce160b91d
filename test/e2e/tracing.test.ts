import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createApi, type FileObject } from '../support/create-api.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import { startGateway } from '../support/start-gateway.ts';
import { startProviders } from '../support/start-providers.ts';
import { until } from '../support/until.ts';

const newTrace = (): { traceId: string; spanId: string; traceparent: string } => {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-01` };
};

describe('a request that comes with a trace', () => {
  it('has its spans in that trace at the collector, and its calls to providers carry it on', async () => {
    const [providers, collector] = [await startProviders(), await startOtlpReceiver()];
    const gateway = await startGateway({
      env: { ...providers.env, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SERVICE_NAME: 'files' },
    });
    const { traceId, spanId, traceparent } = newTrace();
    const answer = await createApi(gateway).upload({
      filename: 'canary-name.txt',
      query: 'provider=kimi',
      headers: { traceparent, tracestate: 'vendor=opaque' },
    });
    expect(answer.file().status).toBe('processed');

    const spans = await until('all spans have come', () => {
      const come = collector.spansOf(traceId);
      return come.length >= 4 && come;
    });
    const named = (name: string) => spans.find((span) => span.name === name);
    const [receive, stage, deliver, call] = ['receive', 'stage', 'deliver', 'provider request'].map(named);
    expect(receive).toMatchObject({ parentSpanId: spanId, service: 'files' });
    expect(stage).toMatchObject({ parentSpanId: receive?.spanId });
    expect(deliver).toMatchObject({ parentSpanId: stage?.spanId });
    expect(call).toMatchObject({ parentSpanId: deliver?.spanId });
    expect(JSON.stringify(spans)).not.toMatch(/canary|file-|local/u);

    const upload = (await providers.kimi.state()).requests.find(({ method }) => method === 'POST');
    expect(upload?.headers.traceparent).toBe(`00-${traceId}-${call?.spanId}-01`);
    const logged = gateway.logs().filter(({ trace }) => trace === traceId);
    expect(logged.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['file_received', 'delivery_completed']),
    );
    const ids = new Set(logged.map(({ request }) => request));
    expect([...ids]).toEqual([answer.headers['x-request-id']]);
  });

  it('keeps it for what is tried again after a restart', async () => {
    const [providers, collector] = [await startProviders(), await startOtlpReceiver()];
    const env = { ...providers.env, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const patient = { RETRY_BASE_MS: '3000', RETRY_MAX_MS: '3000' };
    const first = await startGateway({ env: { ...env, ...patient } });
    const { traceId, traceparent } = newTrace();
    await providers.kimi.fault('status', { on: 'upload', status: 429 });
    const { id } = (
      await createApi(first).upload({
        query: 'provider=kimi',
        headers: { traceparent, prefer: 'respond-async' },
      })
    ).file();
    await until('the first try has failed', () =>
      first.logs().some(({ event }) => event === 'delivery_failed'),
    );
    await first.stop();

    const second = await startGateway({ env: { ...env, ...patient }, home: first.home });
    await until('it is delivered', async () => {
      const file = (await createApi(second).call('GET', `/v1/files/${id}`)).json<FileObject>();
      return file.status === 'processed';
    });
    const tries = await until('both tries are told of', () => {
      const come = collector.spansOf(traceId).filter(({ name }) => name === 'deliver');
      return come.length === 2 && come;
    });
    expect(tries.map(({ status }) => status?.message ?? null)).toEqual(['provider_unavailable', null]);
    const uploads = (await providers.kimi.state()).requests.filter(({ method }) => method === 'POST');
    expect(uploads.map(({ headers }) => headers.traceparent?.split('-')[1])).toEqual([traceId, traceId]);
  });
});

describe('a gateway without a collector', () => {
  it('passes a trace on as it came', async () => {
    const providers = await startProviders();
    const gateway = await startGateway({ env: providers.env });
    const { traceparent } = newTrace();
    await createApi(gateway).upload({ query: 'provider=kimi', headers: { traceparent } });
    await createApi(gateway).upload({
      query: 'provider=kimi',
      text: 'Of no trace.',
      headers: { traceparent: 'x' },
    });
    const uploads = (await providers.kimi.state()).requests.filter(({ method }) => method === 'POST');
    expect(uploads.map(({ headers }) => headers.traceparent)).toEqual([traceparent, undefined]);
  });
});

describe('a gateway whose collector is away', () => {
  it('does its work, says so once, and stops', async () => {
    const gateway = await startGateway({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' } });
    const told = () => gateway.logs().filter(({ event }) => event === 'traces_not_exported');
    const api = createApi(gateway);
    for (let batch = 0; batch < 2; batch += 1) {
      expect((await api.upload({ text: `Of batch ${batch}.` })).file().status).toBe('processed');
      await until('it is told', () => told().length > 0);
    }
    expect(await gateway.stop()).toBe(0);
    expect(told()).toHaveLength(1);
  });
});
