import type { ServerContext } from '@modelcontextprotocol/server';

/** How far a call has come. */
export interface ProgressReport {
  readonly progress: number;
  readonly total: number;
  /** For people. */
  readonly message: string;
}

/** Tells the client of a call how far it has come. */
export interface Progress {
  /** False: the client did not ask, and nothing is sent. */
  readonly isWanted: boolean;
  /** Sent at once, or with the next ones as the last of them. One that is not beyond the last sent is dropped. */
  report(report: ProgressReport): void;
  /** Sends the last report, before the answer. Nothing is sent afterwards. Idempotent. */
  end(): void;
}

/** Often enough for a bar that moves. */
const INTERVAL_MS = 250;

/** Progress notifications rise and come before the answer: https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/progress. */
export const createProgress = ({ mcpReq }: Pick<ServerContext, 'mcpReq'>): Progress => {
  const token = mcpReq._meta?.progressToken;
  if (token === undefined) return { isWanted: false, report: () => undefined, end: () => undefined };
  let last = -1;
  let next: ProgressReport | null = null;
  let pause: NodeJS.Timeout | null = null;
  const tell = (): boolean => {
    if (next === null || next.progress <= last) return false;
    last = next.progress;
    const params = { progressToken: token, ...next };
    // A client that has gone shows elsewhere.
    mcpReq.notify({ method: 'notifications/progress', params }).catch(() => undefined);
    return true;
  };
  const send = (): void => {
    pause = tell() ? setTimeout(send, INTERVAL_MS) : null;
  };
  let hasEnded = false;
  return {
    isWanted: true,
    report: (report) => {
      if (hasEnded) return;
      next = report;
      if (pause === null) send();
    },
    end: () => {
      if (hasEnded) return;
      hasEnded = true;
      if (pause !== null) clearTimeout(pause);
      tell();
    },
  };
};
