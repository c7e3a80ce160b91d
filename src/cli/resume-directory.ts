import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { Io } from './io.ts';

/**
 * Where uploads of this user that were cut off are remembered, whichever program began them. XDG Base Directory
 * Specification: state in `$XDG_STATE_HOME`, by default `~/.local/state`, and relative paths there do not count. macOS and
 * Windows have places of their own.
 */
export const resumeDirectoryOf = (env: Io['env'], platform: NodeJS.Platform = process.platform): string =>
  join(stateOf(env, platform), 'waybill', 'uploads');

const stateOf = ({ XDG_STATE_HOME, HOME, LOCALAPPDATA }: Io['env'], platform: NodeJS.Platform): string => {
  if (XDG_STATE_HOME !== undefined && isAbsolute(XDG_STATE_HOME)) return XDG_STATE_HOME;
  const home = HOME || homedir();
  if (platform === 'darwin') return join(home, 'Library', 'Application Support');
  if (platform !== 'win32') return join(home, '.local', 'state');
  return LOCALAPPDATA && isAbsolute(LOCALAPPDATA) ? LOCALAPPDATA : join(home, 'AppData', 'Local');
};
