/**
 * How long a well-behaved client waits, alone and beside others that are slow, idle, malformed or unauthorised:
 * `npm run abuse`. Starts a gateway of its own with the emulated providers, and removes what it made.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { SignJWT } from 'jose';
import { Agent, request } from 'undici';
import { WebSocket } from 'ws';

const SECONDS = Number(process.argv[2] ?? 20);
const ROUNDS_APART_MS = 20;

interface Target {
  readonly url: string;
  readonly token: string;
}
interface Abuse {
  readonly name: string;
  /** Begins and answers with how to end it. */
  begin(target: Target): Promise<() => void>;
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const repeat = (everyMs: number, act: () => void): (() => void) => {
  const timer = setInterval(act, everyMs);
  return () => clearInterval(timer);
};
const open = (url: string): Socket => {
  const { hostname, port } = new URL(url);
  return connect(Number(port), hostname)
    .on('error', () => undefined)
    .resume();
};
const many = (count: number, make: (n: number) => Socket): Socket[] =>
  Array.from({ length: count }, (_, n) => make(n));
const endAll = (sockets: Iterable<Socket>): void => {
  for (const socket of sockets) socket.destroy();
};

/** Sends messages on new connections at a rate, whatever is answered. */
const flood = (name: string, perSecond: number, message: (target: Target) => string): Abuse => ({
  name,
  begin: async (target) => {
    const sockets = new Set<Socket>();
    const stop = repeat(1_000 / perSecond, () => {
      const socket = open(target.url);
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket)).once('end', () => socket.destroy());
      socket.write(message(target));
    });
    return () => {
      stop();
      endAll(sockets);
    };
  },
});

/** Keeps connections open that begin alike and then send a byte now and then. */
const dripping = (name: string, count: number, beginning: (target: Target, n: number) => string): Abuse => ({
  name,
  begin: async (target) => {
    const sockets = many(count, (n) => {
      const socket = open(target.url);
      socket.write(beginning(target, n));
      return socket;
    });
    // Spread over the second, as clients that do not know each other are.
    let turn = 0;
    const stop = repeat(1_000 / count, () => {
      const socket = sockets[turn++ % count];
      if (socket?.writable) socket.write('x');
    });
    return () => {
      stop();
      endAll(sockets);
    };
  },
});

const put = (token: string, length: number): string =>
  `PUT /v1/files?filename=slow.txt&provider=none HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${length}\r\n\r\n`;

const abuses: readonly Abuse[] = [
  dripping('500 slow headers', 500, () => 'GET / HTTP/1.1\r\nX-Slow: '),
  dripping('100 slow bodies', 100, ({ token }) => `${put(token, 100_000)}half`),
  {
    name: '200 half-open connections',
    begin: async ({ url }) => {
      const sockets = many(200, () => open(url));
      return () => endAll(sockets);
    },
  },
  flood('20 malformed requests a second', 20, () => 'GARBAGE / nothing\r\n\r\n'),
  flood('20 header floods a second', 20, () => `GET / HTTP/1.1\r\nHost: x\r\n${'a:b\r\n'.repeat(2_000)}\r\n`),
  flood(
    '20 wrong tokens a second',
    20,
    () => 'GET /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a.b.c\r\n\r\n',
  ),
  {
    name: '200 idle tus uploads',
    begin: async ({ url, token }) => {
      const headers = { authorization: `Bearer ${token}`, 'tus-resumable': '1.0.0', 'upload-length': '1000' };
      for (let n = 0; n < 200; n += 1)
        await (await request(`${url}/v1/tus`, { method: 'POST', headers })).body.dump();
      return () => undefined;
    },
  },
  {
    name: '100 idle WebSockets, of which one owner may have 32',
    begin: async ({ url, token }) => {
      const headers = { authorization: `Bearer ${token}` };
      const sockets = Array.from({ length: 100 }, () =>
        new WebSocket(`${url.replace('http', 'ws')}/v1/events`, { headers }).on('error', () => undefined),
      );
      return () => {
        for (const socket of sockets) socket.terminate();
      };
    },
  },
];

interface Measured {
  readonly count: number;
  readonly failed: number;
  readonly p50: number;
  readonly p99: number;
}

/** One small upload, one read of it, and a pause, over and over. */
const measure = async ({ url, token }: Target): Promise<Record<'put' | 'get', Measured>> => {
  const dispatcher = new Agent({ connections: 4 });
  const authorization = `Bearer ${token}`;
  const times = { put: [] as number[], get: [] as number[] };
  let failed = 0;
  const timed = async (kind: 'put' | 'get', path: string, body?: Buffer): Promise<string> => {
    const began = performance.now();
    const method = kind === 'put' ? 'PUT' : 'GET';
    const answer = await request(`${url}${path}`, {
      dispatcher,
      method,
      headers: { authorization },
      body: body ?? null,
    });
    const text = await answer.body.text();
    times[kind].push(performance.now() - began);
    if (answer.statusCode !== 200) failed += 1;
    return text;
  };
  const ends = performance.now() + SECONDS * 1_000;
  for (let n = 0; performance.now() < ends; n += 1) {
    const body = Buffer.from(`words ${n} ${Math.random()} `.repeat(500));
    const made = await timed('put', '/v1/files?filename=a.txt&provider=none', body);
    const { id } = JSON.parse(made) as { id?: string };
    if (id !== undefined) await timed('get', `/v1/files/${id}/content`);
    await new Promise((resolve) => setTimeout(resolve, ROUNDS_APART_MS));
  }
  await dispatcher.close();
  return { put: summary(times.put, failed), get: summary(times.get, failed) };
};

const summary = (times: number[], failed: number): Measured => {
  const sorted = times.sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return { count: sorted.length, failed, p50: at(0.5), p99: at(0.99) };
};

const secret = randomBytes(48).toString('base64url');
const tokenOf = (sub: string): Promise<string> =>
  new SignJWT({ sub })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret));

const start = async (home: string) => {
  const env = {
    JWT_SECRET_KEY: secret,
    PORT: '0',
    DATA_DIR: join(home, 'data'),
    RATE_LIMIT_PER_MINUTE: '0',
    QUOTA_FILES: '0',
    LOG_LEVEL: 'warn',
  };
  const child = spawn(process.execPath, [join(import.meta.dirname, '../bin/waybill.js'), 'serve'], {
    cwd: home,
    env,
  });
  let out = '';
  child.stderr.resume();
  for await (const text of child.stdout.setEncoding('utf8')) {
    out += text;
    const url = /http:\/\/[\d.]+:\d+/u.exec(out)?.[0];
    if (url !== undefined && out.includes('curl ')) return { child, url };
  }
  throw new Error(`The gateway ended: ${out}`);
};

const show = (name: string, { put, get }: Record<'put' | 'get', Measured>): void => {
  const one = ({ count, p50, p99 }: Measured): string =>
    `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (${count})`;
  print(`${name.padEnd(12)} PUT 10 KB ${one(put)}   GET ${one(get)}   failed ${put.failed}`);
};

const abuse = async (target: Target): Promise<void> => {
  const only = process.argv[3];
  for (const { name, begin } of abuses) if (only === undefined || name.includes(only)) await begin(target);
  parentPort?.postMessage('begun');
};

const run = async (): Promise<void> => {
  const home = await mkdtemp(join(tmpdir(), 'waybill-abuse-'));
  const { child, url } = await start(home);
  const target = { url, token: await tokenOf('good') };
  const abused = { url, token: await tokenOf('abuser') };
  try {
    // So that the first round does not pay for what is loaded once.
    await (await request(`${target.url}/livez`)).body.dump();
    await measure(target);
    const alone = await measure(target);
    show('alone', alone);
    // In a thread of its own, so that the abusers do not keep the client from its own work.
    const abusers = new Worker(new URL(import.meta.url), { workerData: abused, argv: process.argv.slice(2) });
    await once(abusers, 'message');
    for (const { name } of abuses) print(`             with ${name}`);
    const beside = await measure(target);
    show('under abuse', beside);
    await abusers.terminate();
    for (const kind of ['put', 'get'] as const)
      print(
        `ratio of p99, ${kind.toUpperCase()}: ${(beside[kind].p99 / alone[kind].p99).toFixed(2)} (target: at most 2)`,
      );
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
    await rm(home, { recursive: true, force: true });
  }
};

await (isMainThread ? run() : abuse(workerData as Target));
