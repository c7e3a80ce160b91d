import type { PassList, PassObject } from '../api/pass-object.ts';
import type { Caller } from './caller.ts';
import type { Wait } from './files.ts';
import { isPass, isPassList } from './recognise.ts';

export interface WantedPass extends Wait {
  readonly kind: PassObject['kind'];
  /** Only report what there is to do. */
  readonly isDryRun?: boolean | undefined;
  /** Go through with what the pass would stop before. */
  readonly isForced?: boolean | undefined;
}

export interface PassListQuery extends Wait {
  readonly kind?: PassObject['kind'] | undefined;
  readonly limit?: number | undefined;
  /** The id of the last pass of the page before. */
  readonly after?: string | undefined;
}

/** Runs over the whole record. All of it needs the scope `admin`. */
export interface Passes {
  /** Begins one and resolves at once. Rejects with `pass_running` while another of its kind runs. */
  begin(wanted: WantedPass): Promise<PassObject>;
  retrieve(id: string, wait?: Wait): Promise<PassObject>;
  /** Resolves once the pass has ended. */
  ended(id: string, wait?: Wait): Promise<PassObject>;
  list(query?: PassListQuery): Promise<PassList>;
}

const WAIT_SECONDS = 30;

export const createPasses = (caller: Caller): Passes => {
  const retrieve = (
    id: string,
    { seconds, ...wait }: Wait & { seconds?: number } = {},
  ): Promise<PassObject> => {
    const headers = seconds === undefined ? {} : { prefer: `wait=${seconds}` };
    return caller.json(
      { method: 'GET', path: `/v1/passes/${encodeURIComponent(id)}`, headers, ...wait },
      isPass,
    );
  };
  return {
    begin: async ({ kind, isDryRun: dry_run, isForced: force, ...wait }) => {
      const headers = { 'content-type': 'application/json', prefer: 'respond-async' };
      const body = JSON.stringify({ kind, dry_run, force });
      return caller.json({ method: 'POST', path: '/v1/passes', headers, body, ...wait }, isPass);
    },
    retrieve: (id, wait = {}) => retrieve(id, wait),
    ended: async (id, wait = {}) => {
      while (true) {
        const pass = await retrieve(id, { ...wait, seconds: WAIT_SECONDS });
        if (pass.status !== 'running') return pass;
      }
    },
    list: async ({ kind, limit, after, ...wait } = {}) => {
      const query = { kind, after, limit: limit?.toString() };
      return caller.json({ method: 'GET', path: '/v1/passes', query, ...wait }, isPassList);
    },
  };
};
