import type { Run } from '../command.ts';
import type { mcpOptions } from '../options.ts';

/** `waybill mcp` */
export const serveMcp: Run<typeof mcpOptions> = ({ values: { url, token }, io, local }) =>
  local.mcp(io, { url, token });
