import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startKimiEmulator } from './kimi.ts';
import { type EmulatorClient, startClient } from './testing/emulator-client.ts';

let kimi: EmulatorClient;

beforeEach(async () => {
  kimi = await startClient(startKimiEmulator, {});
});
afterEach(() => kimi.close());

describe('a status fault', () => {
  it.each([
    ['seconds', 7, '7'],
    ['a date', 'Wed, 21 Oct 2099 07:28:00 GMT', 'Wed, 21 Oct 2099 07:28:00 GMT'],
    ['garbage', 'soon(ish)', 'soon(ish)'],
    ['a negative number', -3, '-3'],
    ['nothing', null, undefined],
  ])('sends a Retry-After of %s', async (_, retryAfter, header) => {
    await kimi.fault('status', { status: 429, retryAfter });
    expect((await kimi.upload()).headers['retry-after']).toBe(header);
  });

  it.each([
    ['JSON', { own: true }, 'application/json', '{"own":true}'],
    ['HTML', '<h1>502</h1>', 'text/html', '<h1>502</h1>'],
    ['text', 'upstream', 'text/plain', 'upstream'],
  ])('sends a body of %s', async (_, body, type, text) => {
    await kimi.fault('status', { status: 502, body, headers: { 'x-proxy': 'p' } });
    const reply = await kimi.upload();
    expect(reply.headers['content-type']).toContain(type);
    expect(reply.headers['x-proxy']).toBe('p');
    expect(reply.text).toBe(text);
  });
});
