import { homedir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { resumeDirectoryOf } from './resume-directory.ts';

describe.skipIf(process.platform === 'win32')('the place where uploads are remembered', () => {
  it.each([
    [{ XDG_STATE_HOME: '/state', HOME: '/home/x' }, 'linux', '/state/waybill/uploads'],
    [{ XDG_STATE_HOME: 'state', HOME: '/home/x' }, 'linux', '/home/x/.local/state/waybill/uploads'],
    [{ XDG_STATE_HOME: '', HOME: '' }, 'linux', `${homedir()}/.local/state/waybill/uploads`],
    [{ HOME: '/Users/x' }, 'darwin', '/Users/x/Library/Application Support/waybill/uploads'],
    [{ LOCALAPPDATA: '/x/Local', HOME: '/x' }, 'win32', '/x/Local/waybill/uploads'],
    [{ HOME: '/x' }, 'win32', '/x/AppData/Local/waybill/uploads'],
  ] as const)('for %j on %s is %s', (env, platform, directory) => {
    expect(resumeDirectoryOf(env, platform)).toBe(directory);
  });
});
