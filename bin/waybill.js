#!/usr/bin/env node
// Plain JavaScript that any Node can parse, so that one too old gets a sentence instead of a syntax error.
import { existsSync } from 'node:fs';

const MINIMUM = 24;
const major = Number(process.versions.node.split('.')[0]);

if (major < MINIMUM) {
  process.stderr.write(
    `waybill needs Node ${MINIMUM} or later and this is ${process.version}; in the checkout run it as "npx waybill" or "npm start", which bring their own.\n`,
  );
  process.exitCode = 1;
} else {
  // A checkout runs from its sources; the published package has only what the build made of them.
  const source = new URL('../src/app/main.ts', import.meta.url);
  await import(existsSync(source) ? source.href : new URL('../dist/src/app/main.js', import.meta.url).href);
}
