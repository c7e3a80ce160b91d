import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { BeginOutcome, Job, Outcome, ResumeOutcome, UploadOutcome } from './job.ts';
import { UnsupportedError } from './judge.ts';

type OutcomeOf<Kind extends Job['kind']> = {
  upload: UploadOutcome;
  begin: BeginOutcome;
  resume: ResumeOutcome;
}[Kind];

/** The process that sends. One job at a time. */
export interface Client {
  /** Rejects with `UnsupportedError` when the candidate has no such route. */
  run<Kind extends Job['kind']>(job: Extract<Job, { kind: Kind }>): Promise<OutcomeOf<Kind>>;
  stop(): void;
}

export const startClient = (env: Readonly<Record<string, string>>): Client => {
  const child = fork(join(import.meta.dirname, 'main.ts'), { env });
  const gone = once(child, 'exit').then(() => {
    throw new Error('The client has ended.');
  });
  gone.catch(() => undefined);
  return {
    run: async <Kind extends Job['kind']>(job: Extract<Job, { kind: Kind }>) => {
      const answered = once(child, 'message');
      child.send(job);
      const [outcome] = (await Promise.race([answered, gone])) as [Outcome];
      if (outcome.kind === 'unsupported') throw new UnsupportedError('There is no such route.');
      if (outcome.kind === 'failed') throw new Error(outcome.reason);
      return outcome as OutcomeOf<Kind>;
    },
    stop: () => {
      if (child.connected) child.disconnect();
    },
  };
};
