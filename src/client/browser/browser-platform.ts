import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { Platform } from '../platform.ts';
import { createBrowserTransport } from './browser-transport.ts';

export const browserPlatform: Platform = {
  openTransport: createBrowserTransport,
  openPath: async () => {
    throw new TypeError('A browser has no paths; give the File that was chosen, a Blob, or a stream.');
  },
  createSha256: () => {
    const hash = sha256.create();
    return { update: (bytes) => void hash.update(bytes), hex: () => bytesToHex(hash.digest()) };
  },
  streamsBodies: false,
};
