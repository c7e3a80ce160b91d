/** The client's process, so that what it costs is not counted as the server's. Takes jobs and answers by IPC. */
import type { Job, Outcome } from './job.ts';
import { UnsupportedError } from './judge.ts';
import { begin, resume } from './resume.ts';
import { upload } from './upload.ts';

const run = async (job: Job): Promise<Outcome> => {
  try {
    if (job.kind === 'upload') return await upload(job.to, job.load);
    if (job.kind === 'begin') return await begin(job.to, job.load);
    return await resume(job.to, job.load, job.location);
  } catch (error) {
    if (error instanceof UnsupportedError) return { kind: 'unsupported' };
    return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
};

process.on('message', (job) => {
  void run(job as Job).then((outcome) => process.send?.(outcome));
});
process.once('disconnect', () => process.exit(0));
