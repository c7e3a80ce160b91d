import type { Provider, ProviderId } from '../core/provider.ts';
import type { AdapterOptions } from './adapter.ts';
import { createGlm } from './glm.ts';
import { createKimi } from './kimi.ts';

/** Every adapter there is. Adding a provider is its file, its fixtures, and its line here and in `core/provider.ts`. */
export const adapters: Readonly<Record<ProviderId, (options: AdapterOptions) => Provider>> = {
  kimi: createKimi,
  glm: createGlm,
};
