import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createBrotliDecompress } from 'node:zlib';
import { inflate } from '@sparticuz/chromium';
import { type Browser, chromium } from 'playwright-core';

const PACKED = fileURLToPath(new URL('../bin/', import.meta.resolve('@sparticuz/chromium')));

/**
 * Starts the Chromium that the npm packages bring. The caller closes it. Null, with the reason printed, on a machine where
 * it cannot run.
 */
export const openBrowser = async (): Promise<Browser | null> => {
  try {
    const executablePath = await unpack();
    return await launch(executablePath, {}).catch(async () => {
      // On a bare machine it misses libraries, which the package has in another archive.
      const libraries = join(await inflate(join(PACKED, 'al2023.tar.br')), 'lib');
      return await launch(executablePath, { LD_LIBRARY_PATH: libraries });
    });
  } catch (error) {
    process.stderr.write(`No browser can be started here: ${String(error)}\n`);
    return null;
  }
};

/**
 * The package's own options are for one-process machines, and switch off CORS. A page that comes from no server, as tests
 * have them, is of no network, from which this machine could not be called otherwise.
 */
const OPTIONS = ['--no-sandbox', '--disable-gpu', '--disable-features=LocalNetworkAccessChecks'];

const launch = (executablePath: string, env: Record<string, string>): Promise<Browser> =>
  chromium.launch({ executablePath, args: OPTIONS, env: { ...inherited(), ...env } });

const inherited = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );

/** Under its own name only once it is whole, since several test files may want it at once. */
const unpack = async (): Promise<string> => {
  const { version } = JSON.parse(await readFile(join(PACKED, '../package.json'), 'utf8'));
  const path = join(tmpdir(), `waybill-chromium-${version}`);
  if (existsSync(path)) return path;
  const unfinished = `${path}.${process.pid}`;
  try {
    const source = createReadStream(join(PACKED, 'chromium.br'));
    await pipeline(source, createBrotliDecompress(), createWriteStream(unfinished, { mode: 0o700 }));
    await rename(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
  return path;
};
