import type { Io } from './io.ts';
import type { Local } from './local.ts';

export const runCli = async (args: readonly string[], io: Io, local: Local): Promise<number> => {
  if (args[0] === 'serve') return local.serve(io);
  return 2;
};
