/**
 * What the adapters make of answers as the providers' documents, SDKs and captured traffic show them. Each file in
 * `__fixtures__` is one answer, where it comes from, and what it means. Shapes, statuses and codes are those of the
 * source unless it says otherwise; ids, names, numbers and wording are examples.
 */
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GatewayError } from '../core/errors.ts';
import { type Provider, providerIds } from '../core/provider.ts';
import { adapters } from './registry.ts';

interface RecordedAnswer {
  readonly source: string;
  readonly call: keyof typeof CALLS;
  readonly status: number;
  /** `{origin}` in a value is the server's own. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly expected: Readonly<Record<string, unknown>>;
}

const CALLS = {
  upload: async (provider: Provider) => ({
    file: await provider.upload({
      filename: 'notes.txt',
      mediaType: 'text/plain',
      sizeBytes: 5,
      purpose: 'any',
      open: async function* () {
        yield Buffer.from('hello');
      },
    }),
  }),
  retrieve: async (provider: Provider) => ({ file: await provider.retrieve('an-id', {}) }),
  list: async (provider: Provider) => {
    const files: unknown[] = [];
    for await (const file of provider.list({})) files.push(file);
    return { files };
  },
  remove: async (provider: Provider) => {
    await provider.remove('an-id', {});
    return { removed: true };
  },
};

let server: Server;
let answer: Pick<RecordedAnswer, 'status' | 'headers' | 'body'>;

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume().on('end', () => {
      const own = Object.entries(answer.headers ?? {}).map(([name, value]) => [
        name,
        value.replace('{origin}', `http://${request.headers.host}`),
      ]);
      response.writeHead(answer.status, { 'content-type': 'application/json', ...Object.fromEntries(own) });
      response.end(JSON.stringify(answer.body));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const DIRECTORY = join(import.meta.dirname, '__fixtures__');

describe.each(providerIds)('the %s adapter', (id) => {
  const names = globSync('*.json', { cwd: join(DIRECTORY, id) }).toSorted();

  it('has recorded answers', () => {
    expect(names.length).toBeGreaterThan(10);
  });

  it.each(names)('understands %s', async (name) => {
    const recorded: RecordedAnswer = JSON.parse(readFileSync(join(DIRECTORY, id, name), 'utf8'));
    answer = recorded;
    const provider = adapters[id]({
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      apiKey: 'the-key-itself',
      account: 'name',
      emulated: false,
      limits: { maxFileBytes: 1_000, maxFiles: 10, maxTotalBytes: 10_000 },
      timeouts: { connectMs: 1_000, idleMs: 1_000, totalMs: 5_000 },
    });
    const outcome = await CALLS[recorded.call](provider).catch(
      ({ code, retry, message, retryAfterMs }: GatewayError) => ({
        error: { code, retry, message, retryAfterMs },
      }),
    );
    expect(JSON.parse(JSON.stringify(outcome))).toEqual(recorded.expected);
  });
});
