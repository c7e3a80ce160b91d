import { existsSync, readFileSync } from 'node:fs';

/** The package's own version. From `src/app` and from `dist/src/app` the manifest is not equally far. */
export const version: string = (() => {
  const manifest = ['../../package.json', '../../../package.json']
    .map((path) => new URL(path, import.meta.url))
    .find((url) => existsSync(url));
  if (manifest === undefined) return '0.0.0';
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
})();
