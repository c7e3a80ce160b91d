/** `fail`: refused, so nothing was done. `unknown`: an error of the server's or no answer, so both may be true. */
export type Outcome = 'ok' | 'fail' | 'unknown';
export type Operation = 'upload' | 'read' | 'delete' | 'list';

/** What a worker knows of a file. */
export interface Entry {
  readonly owner: string;
  /** No other upload of the run has it. */
  readonly filename: string;
  readonly sha256: string;
  readonly via: 'form' | 'put' | 'tus';
  /** Null while it is under way. */
  uploaded: Outcome | null;
  id: string | null;
  /** Null when nobody has asked for it. */
  removed: Outcome | null;
}

/** Everything that the clients of a run have asked for and been told. */
export interface Ledger {
  readonly entries: Entry[];
  readonly counts: Readonly<Record<Operation, Record<Outcome, number>>>;
  /** What is worth a line and breaks no promise. */
  readonly notes: ReadonlyMap<string, number>;
  /** Broken promises by kind. */
  readonly violations: ReadonlyMap<string, readonly string[]>;
  /** Writes down that an operation begins, and answers with how to write down its end. */
  invoke(operation: Operation, about: string): (outcome: Outcome, answer: string) => Outcome;
  note(what: string): void;
  violate(kind: string, about: string): void;
}

const none = (): Record<Outcome, number> => ({ ok: 0, fail: 0, unknown: 0 });

/** `write` gets each line of the log. */
export const createLedger = (write: (line: string) => void): Ledger => {
  const counts = { upload: none(), read: none(), delete: none(), list: none() };
  const notes = new Map<string, number>();
  const violations = new Map<string, string[]>();
  let last = 0;
  const log = (line: object): void => write(`${JSON.stringify({ at: new Date().toISOString(), ...line })}\n`);
  return {
    entries: [],
    counts,
    notes,
    violations,
    invoke: (operation, about) => {
      last += 1;
      const nth = last;
      log({ nth, operation, type: 'invoke', about });
      return (outcome, answer) => {
        counts[operation][outcome] += 1;
        log({ nth, operation, type: outcome, about, answer });
        return outcome;
      };
    },
    note: (what) => {
      log({ type: 'note', what });
      notes.set(what, (notes.get(what) ?? 0) + 1);
    },
    violate: (kind, about) => {
      log({ type: 'violation', kind, about });
      violations.set(kind, [...(violations.get(kind) ?? []), about]);
    },
  };
};
