import type { BenchCase } from '../bench-case.ts';
import { startPortkey } from '../candidates/peers.ts';
import { oneFile, uploadContender } from '../contender.ts';

const WARM_UP_MIB = 128;

export const largeDelivered: BenchCase = {
  name: 'large-delivered',
  title: ({ largeMiB }) => `${largeMiB} MiB unlimited, multipart, until delivered to one provider`,
  touches: 4,
  targets: [
    {
      text: 'throughput / Portkey',
      bound: 'at least',
      limit: 1.5,
      unit: 'x',
      of: ['Waybill', 'Portkey'],
      value: (ours, theirs) => theirs.seconds / ours.seconds,
    },
    {
      text: 'CPU of the server / Portkey, without Postgres',
      bound: 'at most',
      limit: 0.7,
      unit: 'x',
      of: ['Waybill', 'Portkey'],
      value: (ours, theirs) => ours.cpuSeconds / theirs.cpuSeconds,
    },
  ],
  open: async (bench) => {
    const { sink } = bench;
    const waybill = await bench.startWaybill();
    const portkey = bench.use(await startPortkey(bench, sink.account('direct')));
    const common = { load: oneFile(bench.sizes.largeMiB), warmUp: oneFile(WARM_UP_MIB) };
    const to = waybill.destination('multipart', 'kimi', 'delivered');
    return [
      uploadContender(bench, { ...common, candidate: waybill, to, arrivesAt: ['kimi'] }),
      uploadContender(bench, {
        ...common,
        candidate: portkey,
        to: portkey.destination,
        arrivesAt: ['direct'],
      }),
      uploadContender(bench, { ...common, candidate: sink, to: sink.destination, arrivesAt: ['direct'] }),
    ];
  },
};
