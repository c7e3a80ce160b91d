import type { EmulatorClient } from '../emulators/testing/emulator-client.ts';
import { randomText } from '../test/support/random-text.ts';
import { metadataOf, PIECE_TYPE } from '../test/support/tus.ts';
import { type Answer, type Call, createCaller } from './soak/call.ts';

/** What a gateway is asked to do, so that there is something to be seen. */
export interface Traffic {
  readonly url: string;
  /** In front of which nothing goes wrong; in trouble; and one that takes no key. */
  readonly providers: { readonly well: string; readonly troubled: string; readonly closed: string };
  readonly troubled: EmulatorClient;
  readonly closed: EmulatorClient;
  readonly callsPerMinute: number;
}

const SIZE_BYTES = 20_000;
const FAILURES = 8;
const TUS = { 'tus-resumable': '1.0.0' };

type Send = (call: Call) => Promise<Answer>;

/** Uploads, refusals, providers in trouble, removals and passes. Rejects where something goes otherwise than it should. */
export const makeTraffic = async (traffic: Traffic): Promise<void> => {
  const as = (sub: string, scope?: 'admin') => sender(traffic, sub, scope);
  const admin = await as('admin', 'admin');
  const user = await as('user');
  await uploadEveryWay(user, traffic.providers.well);
  // Before the trouble, in which a list could not be read.
  for (const kind of ['cleanup', 'reconcile']) {
    await expectStatus(admin, 200, json('POST', '/v1/passes', { kind, dry_run: false }));
  }
  await meetTrouble(user, traffic);
  await beRefused({ user, admin, busy: await as('busy'), poor: await as('poor') }, traffic);
  await callTool(user);
};

const sender = async ({ url }: Traffic, sub: string, scope?: 'admin'): Promise<Send> => {
  const call = await createCaller(sub, scope);
  return async (what) => {
    const answer = await call(url, what);
    if (answer === null) throw new Error(`No answer to ${what.method} ${what.path}`);
    return answer;
  };
};

const expectStatus = async (send: Send, status: number, call: Call): Promise<Answer> => {
  const answer = await send(call);
  if (answer.status === status) return answer;
  throw new Error(`${call.method} ${call.path}: ${answer.status} instead of ${status}: ${answer.body}`);
};

const json = (method: Call['method'], path: string, body: object): Call => ({
  method,
  path,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

const put = (path: string, body = randomText(SIZE_BYTES)): Call => ({
  method: 'PUT',
  path,
  headers: { 'content-type': 'text/plain' },
  body,
});

const uploadEveryWay = async (send: Send, provider: string): Promise<void> => {
  for (let number = 0; number < 5; number += 1) {
    await expectStatus(send, 200, put(`/v1/files?filename=raw-${number}.txt&provider=${provider}`));
  }
  await expectStatus(send, 200, formOf(provider));
  await uploadByTus(send, provider);
  const made = await send(json('POST', '/v1/upload-urls', { filename: 'url.txt', provider }));
  const { url } = JSON.parse(made.body.toString()) as { url: string };
  await expectStatus(send, 200, put(new URL(url).pathname + new URL(url).search));
  const kept = await expectStatus(send, 200, put(`/v1/files?filename=gone.txt&provider=${provider}`));
  const { id } = JSON.parse(kept.body.toString()) as { id: string };
  await expectStatus(send, 200, { method: 'DELETE', path: `/v1/files/${id}?wait=true` });
};

const formOf = (provider: string): Call => {
  const boundary = 'ops';
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="form.txt"\r\nContent-Type: text/plain\r\n\r\n`;
  return {
    method: 'POST',
    path: `/v1/files?provider=${provider}`,
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: Buffer.concat([Buffer.from(head), randomText(SIZE_BYTES), Buffer.from(`\r\n--${boundary}--\r\n`)]),
  };
};

const uploadByTus = async (send: Send, provider: string): Promise<void> => {
  const metadata = metadataOf({ filename: 'tus.txt', provider });
  const headers = { ...TUS, 'upload-length': `${SIZE_BYTES}`, 'upload-metadata': metadata };
  const { headers: answered } = await expectStatus(send, 201, { method: 'POST', path: '/v1/tus', headers });
  const path = new URL(String(answered.location), 'http://gateway').pathname;
  const more = { ...TUS, 'content-type': PIECE_TYPE, 'upload-offset': '0' };
  await expectStatus(send, 204, { method: 'PATCH', path, headers: more, body: randomText(SIZE_BYTES) });
};

/** Has one provider be down, which opens its breaker, and another refuse the key, which no repetition mends. */
const meetTrouble = async (send: Send, { providers, troubled, closed }: Traffic): Promise<void> => {
  for (const on of ['upload', 'list']) await troubled.fault('status', { on, status: 503, times: 1_000_000 });
  await closed.fault('status', { on: 'upload', status: 401, times: 1_000_000 });
  const soon = { prefer: 'respond-async' };
  const later = put(`/v1/files?filename=waits.txt&provider=${providers.troubled}`);
  await expectStatus(send, 202, { ...later, headers: { ...later.headers, ...soon } });
  for (let number = 0; number < FAILURES; number += 1) {
    await send(put(`/v1/files?filename=fails-${number}.txt&provider=${providers.closed}`));
  }
};

interface People {
  readonly user: Send;
  readonly admin: Send;
  readonly busy: Send;
  readonly poor: Send;
}

const beRefused = async (
  { user, admin, busy, poor }: People,
  { url, callsPerMinute }: Traffic,
): Promise<void> => {
  await expectStatus(user, 400, put('/v1/files?filename=empty.txt&provider=none', Buffer.alloc(0)));
  await expectStatus(user, 404, { method: 'GET', path: '/v1/files/file-000000000000000000000000' });
  await expectStatus(user, 403, json('PUT', '/v1/quotas/poor', { bytes: 1 }));
  await expectStatus(admin, 200, json('PUT', '/v1/quotas/poor', { bytes: 1 }));
  await expectStatus(poor, 403, put('/v1/files?filename=much.txt&provider=none'));
  const look: Call = { method: 'GET', path: '/v1/quota' };
  const answers = await Promise.all(Array.from({ length: callsPerMinute + 5 }, () => busy(look)));
  if (!answers.some(({ status }) => status === 429)) throw new Error('No call was over the rate limit.');
  for (const authorization of ['', 'Bearer nonsense']) {
    await fetch(`${url}/v1/files`, { headers: authorization === '' ? {} : { authorization } });
  }
};

const callTool = (send: Send): Promise<Answer> => {
  const params = { name: 'get_quota', arguments: {} };
  const call = json('POST', '/mcp', { jsonrpc: '2.0', id: 1, method: 'tools/call', params });
  const accept = 'application/json, text/event-stream';
  return expectStatus(send, 200, { ...call, headers: { ...call.headers, accept } });
};
