import type { BenchCase, Sample } from '../bench-case.ts';
import { startBarePut, startTusd } from '../candidates/peers.ts';
import { startTusServer } from '../candidates/tus-server.ts';
import { smallFiles, uploadContender } from '../contender.ts';

/** Files a second of supabase/storage as a share of @tus/server's, measured apart: it needs a Postgres and a build of its own. */
const SUPABASE_SHARE = 0.48;

const rateRatio = (ours: Sample, theirs: Sample): number =>
  ours.files / ours.seconds / (theirs.files / theirs.seconds);

export const smallStored: BenchCase = {
  name: 'small-stored',
  title: ({ smallFiles: files }) =>
    `${files} files of 10 KB on 32 connections, stored and not delivered; tus is creation-with-upload`,
  touches: 0,
  targets: [
    {
      text: 'PUT: files/s / @tus/server',
      bound: 'at least',
      limit: 2,
      unit: 'x',
      of: ['Waybill PUT', '@tus/server'],
      value: rateRatio,
    },
    {
      text: 'PUT: files/s / supabase/storage, by its 0.48 of @tus/server',
      bound: 'at least',
      limit: 4,
      unit: 'x',
      of: ['Waybill PUT', '@tus/server'],
      value: (ours, theirs) => rateRatio(ours, theirs) / SUPABASE_SHARE,
    },
    {
      text: 'tus: files/s / @tus/server',
      bound: 'at least',
      limit: 1.5,
      unit: 'x',
      of: ['Waybill tus', '@tus/server'],
      value: rateRatio,
    },
  ],
  open: async (bench) => {
    const waybill = await bench.startWaybill();
    const peers = [
      bench.use(await startTusServer(bench, 'tus-creation')),
      ...(bench.tusd === null ? [] : [bench.use(await startTusd(bench, bench.tusd, 'tus-creation'))]),
      bench.use(await startBarePut(bench)),
    ];
    const files = bench.sizes.smallFiles;
    const common = { load: smallFiles(files), warmUp: smallFiles(Math.ceil(files / 2)) };
    const put = waybill.destination('put', 'none', 'stored');
    const tus = waybill.destination('tus-creation', 'none', 'tus');
    return [
      uploadContender(bench, { ...common, name: 'Waybill PUT', candidate: waybill, to: put }),
      uploadContender(bench, { ...common, name: 'Waybill tus', candidate: waybill, to: tus }),
      ...peers.map((candidate) =>
        uploadContender(bench, { ...common, candidate, to: candidate.destination }),
      ),
    ];
  },
};
