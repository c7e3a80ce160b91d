/** What the main thread tells the hashing worker about one growing file, and what comes back. */
export type HashRequest =
  /** `goesOn`: a file of this path may have been laid to rest, and is the same file, only longer. */
  | { readonly id: number; readonly kind: 'open'; readonly path: string; readonly goesOn: boolean }
  | { readonly id: number; readonly kind: 'grown'; readonly sizeBytes: number }
  | { readonly id: number; readonly kind: 'finish'; readonly sizeBytes: number }
  | { readonly id: number; readonly kind: 'rest' }
  | { readonly id: number; readonly kind: 'drop' };

export type HashReply =
  | { readonly id: number; readonly sha256: string }
  | { readonly id: number; readonly error: Error };
