import type { Provider } from '../core/provider.ts';

/** The provider, with the bytes told of that its uploads send. */
export const meterProvider = (provider: Provider, onSent: (bytes: number) => void): Provider => ({
  ...provider,
  upload: (request) => {
    // What an earlier attempt sent is in the first total of one that goes on with it.
    let sentBytes: number | null = (request.session?.state ?? null) === null ? 0 : null;
    return provider.upload({
      ...request,
      onProgress: (totalBytes) => {
        if (sentBytes !== null && totalBytes > sentBytes) onSent(totalBytes - sentBytes);
        sentBytes = totalBytes;
        request.onProgress?.(totalBytes);
      },
    });
  },
});
