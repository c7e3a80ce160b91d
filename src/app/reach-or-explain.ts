import { systemCode } from '../core/errors.ts';
import { StartupError } from '../platform/startup-error.ts';

/** Waits for what needs the database. Rejects with a `StartupError` that an operator can act on. */
export const reachOrExplain = async <T>(reached: Promise<T>): Promise<T> => {
  try {
    return await reached;
  } catch (error) {
    if (error instanceof StartupError) throw error;
    const reason = systemCode(error) ?? (error instanceof Error ? error.name : 'unknown error');
    throw new StartupError(
      `The database cannot be reached or brought up to date (${reason}); check DATABASE_URL and that the server runs.`,
      {
        cause: error,
      },
    );
  }
};
