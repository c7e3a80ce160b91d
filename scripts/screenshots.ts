/**
 * Takes pictures of every page of the console, of a gateway that it starts and fills: `npm run screenshots -- DIR`. With
 * `--readme` also those that the README shows. Build the console before.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openBrowser } from '../test/support/open-browser.ts';
import { fill, troubleNow } from './screenshots/fill.ts';
import { pathOf, screens, shoot, type View } from './screenshots/shoot.ts';
import { views } from './screenshots/views.ts';
import { openWorld } from './screenshots/world.ts';

const USAGE = 'usage: npm run screenshots -- DIR [--readme] [--only VIEW,VIEW]\n';
const EX_USAGE = 2;
const IMAGES = join(import.meta.dirname, '../docs/images');
const README = { name: 'readme', width: 1_280, height: 860, scale: 1.5, theme: 'light' } as const;

const main = async (
  directory: string,
  { readme, only }: { readme: boolean; only: readonly string[] },
): Promise<void> => {
  await mkdir(directory, { recursive: true });
  const browser = await openBrowser();
  if (browser === null) throw new Error('There is no browser to take pictures with.');
  const world = await openWorld();
  try {
    await fill(world);
    const isWanted = ({ name }: View): boolean => only.length === 0 || only.includes(name);
    const { calm, troubled } = views(world);
    const take = async (wanted: readonly View[]): Promise<void> => {
      for (const view of wanted.filter(isWanted))
        for (const screen of screens)
          await shoot(browser, { url: world.url, view, screen, path: pathOf(directory, view, screen) });
    };
    await take(calm);
    if (readme) {
      await mkdir(IMAGES, { recursive: true });
      for (const [name, file] of [
        ['overview', 'console.png'],
        ['files', 'console-files.png'],
      ])
        for (const view of calm.filter((one) => one.name === name))
          await shoot(browser, {
            url: world.url,
            view,
            screen: README,
            path: join(IMAGES, file ?? ''),
            isCut: true,
          });
    }
    await troubleNow(world);
    await take(troubled);
  } finally {
    await browser.close();
    await world.close();
  }
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { readme: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
});
const [directory] = positionals;
if (directory === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = EX_USAGE;
} else
  await main(directory, {
    readme: values.readme,
    only: values.only.split(',').filter((name) => name !== ''),
  });
