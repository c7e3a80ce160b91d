import type { UploadProgress } from './upload-options.ts';

/** How far an upload has come, as its owner is told. */
export interface Tally {
  /** Tells it, unless it is no more than was told before. */
  tell(progress: UploadProgress): void;
  /** The upload begins anew. */
  restart(): void;
}

/** `progressed` is called when more has gone than ever before, restarts included. */
export const createTally = (
  onProgress: ((progress: UploadProgress) => void) | undefined,
  progressed: () => void,
): Tally => {
  let farthestBytes = 0;
  let toldBytes = -1;
  return {
    tell: (progress) => {
      const { sentBytes } = progress;
      if (sentBytes > farthestBytes) {
        farthestBytes = sentBytes;
        progressed();
      }
      if (sentBytes <= toldBytes) return;
      toldBytes = sentBytes;
      onProgress?.(progress);
    },
    restart: () => {
      toldBytes = -1;
    },
  };
};
