import { setTimeout as delay } from 'node:timers/promises';
import type { Bench, BenchCase } from '../bench-case.ts';
import { startPortkey } from '../candidates/peers.ts';
import { MIB, oneFile, uploadContender } from '../contender.ts';

const PROVIDER_BYTES_PER_SECOND = 40 * MIB;
const FILE_MIB = 200;
/** Small, or the warm-up would take the memory whose growth is measured. */
const WARM_UP_MIB = 4;
const DELIVERED_MS = 60_000;

export const slowProvider: BenchCase = {
  name: 'slow-provider',
  title: () => `${FILE_MIB} MiB unlimited, the provider reads at 40 MB/s: until the client is let go`,
  touches: 1,
  targets: [
    {
      text: 'time until let go / time without delivery',
      bound: 'at most',
      limit: 1.3,
      unit: 'x',
      of: ['Waybill async', 'Waybill without delivery'],
      value: (ours, without) => ours.seconds / without.seconds,
    },
    {
      text: 'growth of peak memory, until delivered',
      bound: 'at most',
      limit: 60,
      unit: 'MiB',
      of: ['Waybill async'],
      value: ({ growthBytes }) => growthBytes / MIB,
    },
  ],
  open: async (bench) => {
    const { sink } = bench;
    const waybill = await bench.startWaybill();
    const portkey = bench.use(await startPortkey(bench, sink.account('direct')));
    const common = {
      load: oneFile(FILE_MIB),
      warmUp: oneFile(WARM_UP_MIB),
      sinkBytesPerSecond: PROVIDER_BYTES_PER_SECOND,
    };
    const to = waybill.destination('multipart', 'kimi', 'accepted', { prefer: 'respond-async' });
    const without = waybill.destination('multipart', 'none', 'stored');
    return [
      uploadContender(bench, {
        ...common,
        name: 'Waybill async',
        candidate: waybill,
        to,
        arrivesAt: ['kimi'],
        settled: () => untilAtSink(bench, 'kimi'),
      }),
      uploadContender(bench, {
        ...common,
        name: 'Waybill without delivery',
        candidate: waybill,
        to: without,
      }),
      uploadContender(bench, {
        ...common,
        candidate: portkey,
        to: portkey.destination,
        arrivesAt: ['direct'],
      }),
    ];
  },
};

/** Waits for the one upload; after a minute the check of what arrived fails the run. */
const untilAtSink = async ({ sink }: Bench, account: string): Promise<void> => {
  const deadline = performance.now() + DELIVERED_MS;
  while (((await sink.counters())[account]?.uploads ?? 0) === 0 && performance.now() < deadline)
    await delay(50);
};
