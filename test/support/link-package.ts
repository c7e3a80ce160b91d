import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const ROOT = join(import.meta.dirname, '../..');

/** The entries of the package, as its `exports` have them for Node. */
const ENTRIES = { '.': 'src/index.ts', './client': 'src/client/index.ts' };

/** Makes a package `waybill` in a directory of modules that is the checkout's sources, for programs that import it by name. */
export const linkPackage = async (modulesDirectory: string): Promise<void> => {
  const directory = join(modulesDirectory, 'waybill');
  await mkdir(directory, { recursive: true });
  const exports: Record<string, string> = {};
  for (const [index, [entry, source]] of Object.entries(ENTRIES).entries()) {
    exports[entry] = `./entry-${index}.js`;
    const url = pathToFileURL(join(ROOT, source)).href;
    await writeFile(join(directory, `entry-${index}.js`), `export * from ${JSON.stringify(url)};\n`);
  }
  await writeFile(
    join(directory, 'package.json'),
    JSON.stringify({ name: 'waybill', type: 'module', exports }),
  );
};
