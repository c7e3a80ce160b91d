import { exactly } from './exactly.ts';
import type { OpenedSource, Piece } from './opened-source.ts';
import { unlessAborted } from './pause.ts';

/**
 * The pieces of a source on their way into requests. A request that its own side makes fail does so like one whose
 * connection is lost; what it was is kept here.
 */
export interface Reading {
  /** Rejects with what reading fails with, or the signal's reason. */
  piece(offset: number): Promise<Piece>;
  /** Does something in the course of a request; what that throws makes the request fail. */
  within<Result>(work: () => Result): Result;
  /** Forgets what made an earlier request fail. */
  renew(): void;
  /** Why a request really failed that failed with `error`. */
  causeOf(error: unknown): unknown;
}

export const createReading = (source: OpenedSource, signal: AbortSignal | undefined): Reading => {
  let fault: { readonly error: unknown } | null = null;
  const fail = (error: unknown): never => {
    fault = { error };
    throw error;
  };
  async function* watched(open: () => AsyncIterable<Uint8Array>, sizeBytes: number) {
    try {
      yield* exactly(open(), sizeBytes);
    } catch (error) {
      fail(error);
    }
  }
  return {
    piece: async (offset) => {
      const piece = await unlessAborted(source.piece(offset), signal);
      const { body, sizeBytes } = piece;
      return typeof body === 'function' ? { ...piece, body: () => watched(body, sizeBytes) } : piece;
    },
    within: (work) => {
      try {
        return work();
      } catch (error) {
        return fail(error);
      }
    },
    renew: () => {
      fault = null;
    },
    causeOf: (error) => (fault === null ? error : fault.error),
  };
};
