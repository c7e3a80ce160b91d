import type { Body } from './platform.ts';

/** What is to be uploaded, in a form that can be sent from any place that is still needed. Whoever opened it closes it. */
export interface OpenedSource {
  /** Null for one without. */
  readonly filename: string | null;
  readonly mediaType: string | null;
  /** Changes when the bytes do; null where nothing tells. */
  readonly identity: string | null;
  /** Whether it can be sent from its beginning again. */
  readonly isRepeatable: boolean;
  /** Null for one that tells only at its end. */
  readonly sizeBytes: number | null;
  /**
   * The bytes from `offset` on, or a first part of them. Of what is not repeatable, a piece is kept until one behind it
   * is asked for. Rejects with what reading fails with.
   */
  piece(offset: number): Promise<Piece>;
  close(): Promise<void>;
}

export interface Piece {
  readonly sizeBytes: number;
  /** Whether nothing follows. */
  readonly isLast: boolean;
  readonly body: Body;
}
