import { request } from 'undici';
import { signToken } from '../../test/support/sign-token.ts';
import type { Outcome } from './ledger.ts';

export interface Call {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
  /** How long to wait for the answer, in milliseconds; usually longer than anything lasts. */
  readonly patienceMs?: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Sends one request as somebody. Null: no whole answer came, for whatever reason. */
export type Caller = (url: string, call: Call) => Promise<Answer | null>;

/** Longer than a gateway is stopped for, and than it waits for deliveries when asked to. */
const DEADLINE_MS = 30_000;
const ADMIN_DEADLINE_MS = 120_000;

export const createCaller = async (sub: string, scope?: 'admin'): Promise<Caller> => {
  const claims = { sub, expiresInSeconds: 86_400 };
  const authorization = `Bearer ${await signToken(scope === undefined ? claims : { ...claims, scope })}`;
  const deadlineMs = scope === undefined ? DEADLINE_MS : ADMIN_DEADLINE_MS;
  return async (url, { method, path, headers, body, patienceMs = deadlineMs }) => {
    try {
      const answer = await request(`${url}${path}`, {
        method,
        headers: { authorization, ...headers },
        body: body ?? null,
        signal: AbortSignal.timeout(patienceMs),
      });
      const { statusCode: status, headers: answered } = answer;
      return { status, headers: answered, body: Buffer.from(await answer.body.arrayBuffer()) };
    } catch {
      return null;
    }
  };
};

export const outcomeOf = (answer: Answer | null): Outcome => {
  if (answer === null || answer.status >= 500) return 'unknown';
  return answer.status < 300 ? 'ok' : 'fail';
};

/** For the log: the status, and what was said when it is an error. */
export const summaryOf = (answer: Answer | null): string => {
  if (answer === null) return 'no answer';
  return answer.status < 300
    ? `${answer.status}`
    : `${answer.status} ${answer.body.toString().slice(0, 300)}`;
};

export const jsonOf = <T>(answer: Answer): T => JSON.parse(answer.body.toString()) as T;
