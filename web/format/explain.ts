import { ClientError } from '../../src/client/browser.ts';

/** What a failure says to the user: the gateway's own sentence and its code, or that there was no answer. */
export const explain = (error: unknown): string => {
  if (error instanceof ClientError) {
    return error.httpStatus === null ? 'The gateway does not answer.' : `${error.message} (${error.code})`;
  }
  return error instanceof Error ? error.message : String(error);
};
