import { describe, it } from 'vitest';

/** One aspect of a contract's line, as data: `describeChecks` makes tests of them, `failingIds` runs them against a broken part. */
export interface Check<Subject, Options> {
  /** The line of the contract and the aspect, such as `PRV-06-redirect`. */
  readonly id: string;
  readonly title: string;
  readonly options?: Options;
  /** Runs while no other check does, because it measures the process. */
  readonly alone?: true;
  /** Passes or throws. */
  readonly run: (subject: Subject) => Promise<void>;
}

interface Closable {
  close(): Promise<void>;
}

/** Makes the part under test, fresh for each check, which closes it. */
export type Start<Subject, Options> = (options?: Options) => Promise<Subject & Closable>;

export interface Skip {
  readonly id: string;
  readonly reason: string;
}

/** One test per check. A skipped one stays in the output, with its reason; a skip that names no check is an error. */
export const describeChecks = <Subject, Options>(
  name: string,
  checks: readonly Check<Subject, Options>[],
  { start, skip = [] }: { start: Start<Subject, Options>; skip?: readonly Skip[] },
): void => {
  const unknown = skip.filter(({ id }) => !checks.some((check) => check.id === id));
  if (unknown.length > 0) throw new Error(`no such check: ${unknown.map(({ id }) => id).join(', ')}`);
  describe(name, () => {
    for (const check of checks) {
      const skipped = skip.find(({ id }) => id === check.id);
      // Most checks wait, for a timeout or for the disk, and each has a subject of its own.
      const concurrent = check.alone !== true;
      if (skipped === undefined)
        it(`${check.id} ${check.title}`, { concurrent }, () => runCheck(check, start));
      else {
        process.stdout.write(`${name}: ${check.id} is skipped: ${skipped.reason}\n`);
        it.skip(`${check.id} ${check.title} (${skipped.reason})`);
      }
    }
  });
};

/** How many checks run at once. */
const AT_ONCE = 6;

/** The ids of the checks that do not pass, in the order of the suite. */
export const failingIds = async <Subject, Options>(
  checks: readonly Check<Subject, Options>[],
  start: Start<Subject, Options>,
): Promise<string[]> => {
  const failing = new Set<string>();
  const work = async (waiting: Check<Subject, Options>[]): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const { id } = check;
      await runCheck(check, start).catch(() => failing.add(id));
    }
  };
  const together = checks.filter(({ alone }) => !alone);
  await Promise.all(Array.from({ length: AT_ONCE }, () => work(together)));
  await work(checks.filter(({ alone }) => alone));
  return checks.map(({ id }) => id).filter((id) => failing.has(id));
};

const runCheck = async <Subject, Options>(
  { options, run }: Check<Subject, Options>,
  start: Start<Subject, Options>,
): Promise<void> => {
  const subject = await start(options);
  try {
    await run(subject);
  } finally {
    await subject.close();
  }
};
