import { createHash } from 'node:crypto';
import type { Platform } from '../platform.ts';
import { openPath } from './open-path.ts';
import { createUndiciTransport } from './undici-transport.ts';

export const nodePlatform: Platform = {
  openTransport: createUndiciTransport,
  openPath,
  createSha256: () => {
    const hash = createHash('sha256');
    return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') };
  },
  streamsBodies: true,
};
