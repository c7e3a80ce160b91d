import type { BenchCase, Sample } from '../bench-case.ts';
import { startBarePut, startTusd } from '../candidates/peers.ts';
import { startTusServer } from '../candidates/tus-server.ts';
import { oneFile, uploadContender } from '../contender.ts';

const WARM_UP_MIB = 128;
const throughputRatio = (ours: Sample, theirs: Sample): number =>
  ours.bytes / ours.seconds / (theirs.bytes / theirs.seconds);

export const largeStored: BenchCase = {
  name: 'large-stored',
  title: ({ largeMiB }) => `${largeMiB} MiB unlimited, stored and not delivered; tus is one PATCH`,
  touches: 4,
  targets: [
    {
      text: 'throughput / @tus/server',
      bound: 'at least',
      limit: 1.5,
      unit: 'x',
      of: ['Waybill tus', '@tus/server'],
      value: throughputRatio,
    },
    {
      text: 'throughput / tusd',
      bound: 'at least',
      limit: 0.85,
      unit: 'x',
      of: ['Waybill tus', 'tusd'],
      value: throughputRatio,
    },
  ],
  open: async (bench) => {
    const waybill = await bench.startWaybill();
    const peers = [
      bench.use(await startTusServer(bench, 'tus-patch')),
      ...(bench.tusd === null ? [] : [bench.use(await startTusd(bench, bench.tusd, 'tus-patch'))]),
      bench.use(await startBarePut(bench)),
    ];
    const common = { load: oneFile(bench.sizes.largeMiB), warmUp: oneFile(WARM_UP_MIB) };
    const tus = waybill.destination('tus-patch', 'none', 'tus');
    const put = waybill.destination('put', 'none', 'stored');
    return [
      uploadContender(bench, { ...common, name: 'Waybill tus', candidate: waybill, to: tus }),
      uploadContender(bench, { ...common, name: 'Waybill PUT', candidate: waybill, to: put }),
      ...peers.map((candidate) =>
        uploadContender(bench, { ...common, candidate, to: candidate.destination }),
      ),
    ];
  },
};
