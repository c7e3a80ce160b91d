import type { BenchCase } from '../bench-case.ts';
import { startPortkey } from '../candidates/peers.ts';
import type { Load } from '../client/job.ts';
import { MIB, oneFile, uploadContender } from '../contender.ts';

const UPLOAD_BYTES_PER_SECOND = 4 * MIB;
/** Small, or the warm-up would take the memory whose growth is measured. */
const WARM_UP_MIB = 4;

export const manyAtOnce: BenchCase = {
  name: 'many-at-once',
  title: ({ manyUploads, manyMiB }) =>
    `${manyUploads} uploads of ${manyMiB} MiB at once at 4 MiB/s each, until delivered`,
  touches: 2,
  targets: [
    {
      text: 'growth of peak memory',
      bound: 'at most',
      limit: 120,
      unit: 'MiB',
      of: ['Waybill'],
      value: ({ growthBytes }) => growthBytes / MIB,
    },
  ],
  open: async (bench) => {
    const { sink, sizes } = bench;
    const waybill = await bench.startWaybill();
    const portkey = bench.use(await startPortkey(bench, sink.account('direct')));
    const load: Omit<Load, 'seed'> = {
      sender: 'stream',
      files: sizes.manyUploads,
      connections: sizes.manyUploads,
      sizeBytes: sizes.manyMiB * MIB,
      bytesPerSecond: UPLOAD_BYTES_PER_SECOND,
    };
    const common = { load, warmUp: oneFile(WARM_UP_MIB) };
    const to = waybill.destination('multipart', 'kimi', 'delivered');
    return [
      uploadContender(bench, { ...common, candidate: waybill, to, arrivesAt: ['kimi'] }),
      uploadContender(bench, {
        ...common,
        candidate: portkey,
        to: portkey.destination,
        arrivesAt: ['direct'],
      }),
    ];
  },
};
