import { inspect } from 'node:util';
import { expect } from 'vitest';
import { type ErrorCode, GatewayError, type Retry } from '../../src/core/errors.ts';

const DEADLINE_MS = 4_000;

/** The promise's outcome, or a rejection when it does not settle in time. */
export const within = async <T>(promise: Promise<T>, deadlineMs: number = DEADLINE_MS): Promise<T> => {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`did not settle within ${deadlineMs} ms`)), deadlineMs);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
};

/** Watches a promise that is looked at later, so that its rejection meanwhile is not taken for an unhandled one. */
export const watched = <T>(promise: Promise<T>): Promise<T> => {
  promise.catch(() => undefined);
  return promise;
};

/** What the call rejects with; it has to reject, and in time. */
export const failureOf = (call: Promise<unknown>, deadlineMs: number = DEADLINE_MS): Promise<unknown> =>
  within(
    call.then(
      (value) => {
        throw new Error(`succeeded instead: ${inspect(value).slice(0, 200)}`);
      },
      (error: unknown) => error,
    ),
    deadlineMs,
  );

/** The call must reject, in time, with a `GatewayError` of that code and retry class. */
export const expectFailure = async (
  call: Promise<unknown>,
  expected: { readonly code: ErrorCode; readonly retry: Retry },
  label = '',
): Promise<GatewayError> => {
  const error = await failureOf(call);
  expect(error, label).toBeInstanceOf(GatewayError);
  const failure = error as GatewayError;
  expect({ code: failure.code, retry: failure.retry }, `${label} ${failure.message}`).toEqual(expected);
  return failure;
};

export const UNAVAILABLE = { code: 'provider_unavailable', retry: 'later' } as const;
/** What repeating settles, or nothing does. */
export const REPEATABLE = { code: 'provider_unavailable', retry: 'once' } as const;
export const REJECTED = { code: 'provider_rejected', retry: 'never' } as const;
export const UNAUTHORIZED = { code: 'provider_unauthorized', retry: 'never' } as const;
export const MISADDRESSED = { code: 'provider_unavailable', retry: 'never' } as const;
export const NOT_FOUND = { code: 'not_found', retry: 'never' } as const;

/** Every item of an iteration. */
export const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
};
