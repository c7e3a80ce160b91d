import type { BenchCase } from '../bench-case.ts';
import { startPortkey } from '../candidates/peers.ts';
import { smallFiles, uploadContender } from '../contender.ts';

export const smallDelivered: BenchCase = {
  name: 'small-delivered',
  title: ({ smallFiles: files }) =>
    `${files} files of 10 KB on 32 connections, multipart, until delivered to one provider`,
  touches: 0,
  targets: [
    {
      text: 'files/s / Portkey',
      bound: 'at least',
      limit: 1,
      unit: 'x',
      of: ['Waybill', 'Portkey'],
      value: (ours, theirs) => ours.files / ours.seconds / (theirs.files / theirs.seconds),
    },
  ],
  open: async (bench) => {
    const { sink } = bench;
    const waybill = await bench.startWaybill();
    const portkey = bench.use(await startPortkey(bench, sink.account('direct')));
    const files = bench.sizes.smallFiles;
    const common = { load: smallFiles(files), warmUp: smallFiles(Math.ceil(files / 2)) };
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
