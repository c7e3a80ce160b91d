import { execFile } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Bench, BenchCase, Contender, Measured } from '../bench-case.ts';
import { type CountingProxy, startCountingProxy } from '../candidates/counting-proxy.ts';
import type { Waybill } from '../candidates/waybill.ts';
import { fileBytes } from '../client/file-bytes.ts';
import { MIB, oneFile } from '../contender.ts';

const FILE_MIB = 32;
/** Requests without the file: what precheck, creation and polling may take. */
const REQUESTS_BYTES = 64 * 2 ** 10;

export const knownBytes: BenchCase = {
  name: 'known-bytes',
  title: () => `${FILE_MIB} MiB that the owner has uploaded before, delivered then to the same provider`,
  touches: 0,
  targets: [
    {
      text: 'HTTP: bytes to the provider',
      bound: 'at most',
      limit: 0,
      unit: 'bytes',
      of: ['Waybill HTTP'],
      value: ({ values }) => values?.sinkBytes ?? Number.NaN,
    },
    {
      text: 'CLI: bytes to the provider',
      bound: 'at most',
      limit: 0,
      unit: 'bytes',
      of: ['Waybill CLI'],
      value: ({ values }) => values?.sinkBytes ?? Number.NaN,
    },
    {
      text: 'CLI: bytes to Waybill, all requests',
      bound: 'at most',
      limit: REQUESTS_BYTES,
      unit: 'bytes',
      of: ['Waybill CLI'],
      value: ({ values }) => values?.gatewayBytes ?? Number.NaN,
    },
  ],
  open: async (bench) => {
    const waybill = await bench.startWaybill();
    const proxy = bench.use(await startCountingProxy(waybill));
    return [
      twice(bench, waybill, {
        name: 'Waybill HTTP',
        proxy,
        send: (seed) => sendByHttp(bench, waybill, seed),
      }),
      twice(bench, waybill, {
        name: 'Waybill CLI',
        proxy,
        send: (seed) => sendByCli(bench, waybill, proxy, seed),
      }),
    ];
  },
};

interface Way {
  readonly name: string;
  readonly proxy: CountingProxy;
  /** Resolves with why it failed, or null. */
  readonly send: (seed: number) => Promise<string | null>;
}

const twice = ({ sink, seed }: Bench, waybill: Waybill, { name, proxy, send }: Way): Contender => ({
  name,
  does: waybill.does,
  candidate: waybill,
  warmUp: async () => undefined,
  run: async () => {
    await sink.reset();
    const bytes = seed();
    const firstFailure = await send(bytes);
    const before = (await sink.counters()).kimi?.bodyBytes ?? 0;
    const sentBefore = proxy.sentBytes();
    const startedAt = performance.now();
    const failure =
      firstFailure ??
      (before < FILE_MIB * MIB ? 'the first upload did not reach the sink' : await send(bytes));
    const seconds = (performance.now() - startedAt) / 1_000;
    const sinkBytes = ((await sink.counters()).kimi?.bodyBytes ?? 0) - before;
    const failures: Measured['failures'] = failure === null ? {} : { [failure]: 1 };
    const values = { sinkBytes, gatewayBytes: proxy.sentBytes() - sentBefore };
    return { seconds, files: failure === null ? 1 : 0, bytes: FILE_MIB * MIB, failures, values };
  },
  clear: async () => undefined,
});

const sendByHttp = async (bench: Bench, waybill: Waybill, seed: number): Promise<string | null> => {
  const to = waybill.destination('put', 'kimi', 'delivered');
  const { failures } = await bench.client.run({ kind: 'upload', to, load: { ...oneFile(FILE_MIB), seed } });
  return Object.keys(failures)[0] ?? null;
};

const sendByCli = async (
  { directory, env }: Bench,
  waybill: Waybill,
  proxy: CountingProxy,
  seed: number,
): Promise<string | null> => {
  const path = join(directory, 'known.txt');
  await writeGenerated(path, seed);
  const args = [
    waybill.program,
    'upload',
    path,
    '--to',
    'kimi',
    '--url',
    proxy.url,
    '--token',
    waybill.token,
    '--json',
  ];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: directory, env: { ...env } });
    return /"status":\s*"completed"/u.test(stdout) ? null : `not delivered: ${stdout.slice(0, 160)}`;
  } catch (error) {
    return String((error as { stderr?: string }).stderr ?? error).slice(0, 160);
  } finally {
    await rm(path);
  }
};

const writeGenerated = async (path: string, seed: number): Promise<void> => {
  const file = fileBytes({ seed, number: 0, sizeBytes: FILE_MIB * MIB });
  const handle = await open(path, 'w');
  for (let offset = 0; offset < file.sizeBytes; offset += MIB) await handle.write(file.read(offset));
  await handle.close();
};
