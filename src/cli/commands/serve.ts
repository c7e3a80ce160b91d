import type { Run } from '../command.ts';
import type { commonOptions } from '../options.ts';

/** `waybill serve` */
export const serve: Run<typeof commonOptions> = ({ values, io, local }) =>
  local.serve(io, { isJson: values.json ?? false });
