import type { BenchCase, Sample } from '../bench-case.ts';
import { MIB, oneFile, uploadContender } from '../contender.ts';

const LINK_BYTES_PER_SECOND = 100 * MIB;
const WARM_UP_MIB = 64;
const timeRatio = (ours: Sample, direct: Sample): number => ours.seconds / direct.seconds;

/** Cut-through: what a gateway adds when the links, not the machine, are the limit. */
export const limitedLinks: BenchCase = {
  name: 'limited-links',
  title: ({ largeMiB }) => `${largeMiB} MiB, client and provider each limited to 100 MB/s, until delivered`,
  touches: 2,
  targets: [
    {
      text: 'time / direct, one provider',
      bound: 'at most',
      limit: 1.05,
      unit: 'x',
      of: ['Waybill to one', 'direct'],
      value: timeRatio,
    },
    {
      text: 'time / direct, two providers',
      bound: 'at most',
      limit: 1.08,
      unit: 'x',
      of: ['Waybill to two', 'direct'],
      value: timeRatio,
    },
  ],
  open: async (bench) => {
    const { sink } = bench;
    const waybill = await bench.startWaybill();
    const common = {
      load: oneFile(bench.sizes.largeMiB, LINK_BYTES_PER_SECOND),
      warmUp: oneFile(WARM_UP_MIB),
      sinkBytesPerSecond: LINK_BYTES_PER_SECOND,
    };
    const to = (provider: string) => waybill.destination('multipart', provider, 'delivered');
    return [
      uploadContender(bench, { ...common, candidate: sink, to: sink.destination, arrivesAt: ['direct'] }),
      uploadContender(bench, {
        ...common,
        name: 'Waybill to one',
        candidate: waybill,
        to: to('kimi'),
        arrivesAt: ['kimi'],
      }),
      uploadContender(bench, {
        ...common,
        name: 'Waybill to two',
        candidate: waybill,
        to: to('kimi,glm'),
        arrivesAt: ['kimi', 'glm'],
      }),
    ];
  },
};
