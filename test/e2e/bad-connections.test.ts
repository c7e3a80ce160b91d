import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectNothingKept, expectRefusal } from '../support/expect-refusal.ts';
import { followBySse } from '../support/follow-events.ts';
import { blobSizes } from '../support/look-at-blobs.ts';
import { openRaw, rawRequest } from '../support/raw-http.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const LIMIT_BYTES = 64 * 1_024;
const BOUNDARY = 'bad-connections-3d0a';
const FORM_TYPE = `Content-Type: multipart/form-data; boundary=${BOUNDARY}`;
const FORM_START = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n`;
const FORM_END = `\r\n--${BOUNDARY}--\r\n`;

let gateway: GatewayProcess;

beforeAll(async () => {
  gateway = await startGateway({ env: { MAX_FILE_BYTES: String(LIMIT_BYTES) } });
});
afterEach(async () => {
  await until('nothing is staged', async () => (await blobSizes(gateway.dataDir)).length === 0);
  await expectNothingKept(gateway);
});

const head = (line: string, ...headers: readonly string[]): string =>
  [`${line} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${gateway.token}`, ...headers, '\r\n'].join('\r\n');
const put = (...headers: readonly string[]): string => head('PUT /v1/files?filename=a.txt', ...headers);
const post = (...headers: readonly string[]): string => head('POST /v1/files', ...headers);

const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

/** Which uploads have begun, and which were given up, as the events tell. */
const follow = async () => {
  const { seen } = await followBySse(gateway);
  const told = (type: string) =>
    new Set(seen.filter((event) => event.type === type).map(({ data }) => data.id));
  return {
    isBegun: (count: number) => until('it has begun', () => told('file.progress').size === count),
    isGivenUp: (count: number) => until('it was given up', () => told('file.aborted').size === count),
  };
};

describe('a client that goes away', () => {
  it.each([
    ['a raw body', () => put('Content-Length: 1000'), 'half'],
    ['a raw body of unknown length', () => put('Transfer-Encoding: chunked'), chunk('half')],
    ['a form', () => post(FORM_TYPE, 'Content-Length: 1000'), `${FORM_START}half`],
    [
      'a form of unknown length',
      () => post(FORM_TYPE, 'Transfer-Encoding: chunked'),
      chunk(`${FORM_START}half`),
    ],
  ])('U03 in the middle of %s leaves nothing behind', async (_, makeHead, body) => {
    const { isBegun, isGivenUp } = await follow();
    for (const [index, leave] of (['end', 'reset'] as const).entries()) {
      const client = await openRaw(gateway.url);
      await client.send(makeHead() + body);
      await isBegun(index + 1);
      client[leave]();
      await isGivenUp(index + 1);
      client.reset();
    }
  });

  it('before the file of a form has begun leaves nothing behind', async () => {
    const client = await openRaw(gateway.url);
    await client.send(post(FORM_TYPE, 'Content-Length: 1000') + FORM_START.slice(0, 50));
    client.end();
    await client.closed();
  });
});

describe('a file that is too large', () => {
  it('U20 is refused by what it announces, before it is sent', async () => {
    const length = `Content-Length: ${LIMIT_BYTES + 1}`;
    expectRefusal(await rawRequest(gateway.url, put(length)), [413, 'file_too_large']);
    const huge = `Content-Length: ${2 ** 40}`;
    expectRefusal(await rawRequest(gateway.url, post(FORM_TYPE, huge)), [413, 'file_too_large']);
    const asking = await openRaw(gateway.url);
    await asking.send(put(length, 'Expect: 100-continue'));
    expectRefusal(await asking.answer(), [413, 'file_too_large']);
    asking.reset();
  });

  it('is read to its end, that a client which sends first and listens then finds the answer', async () => {
    const client = await openRaw(gateway.url);
    await client.send(put(`Content-Length: ${LIMIT_BYTES + 1}`));
    await client.closed();
    for (let sent = 0; sent <= LIMIT_BYTES; sent += 1_000) await client.send('x'.repeat(1_000));
    expect(client.wasReset()).toBe(false);
    expectRefusal(await client.answer(), [413, 'file_too_large']);
    client.reset();
  });

  it.each([
    ['a raw body', () => put('Transfer-Encoding: chunked'), ''],
    ['a form', () => post(FORM_TYPE, 'Transfer-Encoding: chunked'), FORM_START],
  ])('U21 is refused at the limit when nothing was announced, as %s', async (_, makeHead, start) => {
    const client = await openRaw(gateway.url);
    await client.send(makeHead() + chunk(start + 'x'.repeat(LIMIT_BYTES + 1)));
    expectRefusal(await client.answer(), [413, 'file_too_large']);
    client.reset();
  });
});

describe('a length that lies', () => {
  it('U05 cuts a form short, and its rest is no request', async () => {
    const sent = post(FORM_TYPE, `Content-Length: ${FORM_START.length}`) + FORM_START;
    const cut = await rawRequest(gateway.url, sent);
    expectRefusal(cut, [400, 'invalid_multipart']);
    const { status, body } = await rawRequest(gateway.url, `${sent}words${FORM_END}`);
    // Which of the two faults is found first is not ours to say.
    expectRefusal({ status, body }, [
      400,
      body.includes('multipart') ? 'invalid_multipart' : 'invalid_request',
    ]);
  });

  it('U06 of a chunk is refused', async () => {
    const message = `${put('Transfer-Encoding: chunked')}zz\r\nwords\r\n0\r\n\r\n`;
    const answer = await rawRequest(gateway.url, message);
    expect(answer.status).toBe(400);
  });
});

describe('a form that comes byte by byte', () => {
  it('U18 is read to its end, with the longest of boundaries', async () => {
    const boundary = 'b'.repeat(252);
    const body = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n\r\n--${boundary}--\r\n`;
    const client = await openRaw(gateway.url);
    await client.send(
      post(`Content-Type: multipart/form-data; boundary=${boundary}`, `Content-Length: ${body.length}`),
    );
    for (const byte of body) await client.send(byte);
    // The file is empty, and only who has read all of it can know.
    expectRefusal(await client.answer(), [400, 'empty_file']);
    client.reset();
  });
});

describe('what is not HTTP', () => {
  it.each([
    ['two lengths', () => put('Content-Length: 5', 'Content-Length: 6')],
    ['a length and chunks', () => put('Content-Length: 5', 'Transfer-Encoding: chunked')],
    ['a length that is no number', () => put('Content-Length: five')],
    ['a NUL in a header', () => put('X-Odd: a\0b')],
    ['an unknown method', () => 'UPLOAD /v1/files HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['no host', () => 'GET /livez HTTP/1.1\r\n\r\n'],
    ['garbage', () => 'hello there\r\n\r\n'],
    ['TLS', () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ])('U06 is refused: %s', async (_, message) => {
    expectRefusal(await rawRequest(gateway.url, message()), [400, 'invalid_request']);
  });

  it('is refused behind a request that is, which is answered', async () => {
    const client = await openRaw(gateway.url);
    await client.send(`${head('GET /v1/files')}garbage\r\n\r\n`);
    await client.closed();
    expect(client.received()).toMatch(/^HTTP\/1\.1 (200 OK|400)/u);
    expect(client.received()).toContain('invalid_request');
  });

  it('L06 is refused with headers that are too large, or too many', async () => {
    const large = `X-Large: ${'x'.repeat(20_000)}`;
    expectRefusal(await rawRequest(gateway.url, put(large)), [431, 'headers_too_large']);
    const byOne = put(`X-Large: ${'x'.repeat(16 * 1_024 + 1)}`);
    expectRefusal(await rawRequest(gateway.url, byOne), [431, 'headers_too_large']);
    const many = Array.from({ length: 2_000 }, () => 'a:b');
    expectRefusal(await rawRequest(gateway.url, put(...many)), [431, 'headers_too_large']);
  });
});
