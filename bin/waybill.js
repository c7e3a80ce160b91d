#!/usr/bin/env node
// Plain JavaScript that any Node can parse, so that one too old gets a sentence instead of a syntax error.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

const MINIMUM = 24;
const major = Number(process.versions.node.split('.')[0]);

/**
 * Where compiled code is kept, which makes a start several times as fast. In the user's own directory: what lies in one
 * that all may write to, as the default of Node does, others could have put there to be run.
 */
const cacheDirectory = () => {
  // biome-ignore lint/style/noProcessEnv: needed before the module that reads the environment is compiled.
  const { XDG_CACHE_HOME = '', LOCALAPPDATA = '' } = process.env;
  if (isAbsolute(XDG_CACHE_HOME)) return join(XDG_CACHE_HOME, 'waybill');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'waybill');
  if (process.platform === 'win32' && isAbsolute(LOCALAPPDATA)) return join(LOCALAPPDATA, 'waybill', 'cache');
  return join(homedir(), '.cache', 'waybill');
};

if (major < MINIMUM) {
  process.stderr.write(
    `waybill needs Node ${MINIMUM} or later and this is ${process.version}; in the checkout run it as "npx waybill" or "npm start", which bring their own.\n`,
  );
  process.exitCode = 1;
} else {
  // Says by its result that it cannot, as where nothing may be written; the program is only slower then.
  module.enableCompileCache(cacheDirectory());
  // A checkout runs from its sources; the published package has only what the build made of them.
  const source = new URL('../src/app/main.ts', import.meta.url);
  await import(existsSync(source) ? source.href : new URL('../dist/src/app/main.js', import.meta.url).href);
}
