import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

export interface View {
  readonly name: string;
  /** After the `#`. */
  readonly path: string;
  /** Null: nobody is signed in. */
  readonly token: string | null;
  /** What to do before the picture is taken. */
  readonly prepare?: (page: Page) => Promise<void>;
}

export interface Screen {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly theme: 'light' | 'dark';
  readonly scale?: number;
}

export const screens: readonly Screen[] = [
  { name: '1440', width: 1_440, height: 900 },
  { name: '390', width: 390, height: 844 },
].flatMap((size) => (['light', 'dark'] as const).map((theme) => ({ ...size, theme })));

/** Takes a view on each screen, whole unless `isCut`, into `directory`. */
export const shoot = async (
  browser: Browser,
  {
    url,
    view,
    screen,
    path,
    isCut = false,
  }: { url: string; view: View; screen: Screen; path: string; isCut?: boolean },
): Promise<void> => {
  const options: BrowserContextOptions = {
    viewport: { width: screen.width, height: screen.height },
    colorScheme: screen.theme,
    reducedMotion: 'reduce',
    deviceScaleFactor: screen.scale ?? 1,
    locale: 'en-GB',
  };
  const context = await browser.newContext(options);
  try {
    const page = await context.newPage();
    if (view.token !== null) {
      await page.goto(`${url}/#token=${view.token}`);
      await page.locator('#main h1').waitFor();
      await page.goto(`${url}/#${view.path}`);
    } else await page.goto(`${url}/`);
    await page.locator('h1').waitFor();
    await view.prepare?.(page);
    // The page is complete once nothing is on its way; the stream of events always is.
    await page.locator('[aria-busy="true"], [class*="_loading_"]').first().waitFor({ state: 'detached' });
    await page.evaluate('document.fonts.ready');
    await page.waitForTimeout(400);
    if (!isCut) {
      // Not `fullPage`, which would leave what sticks to the screen's edges in the middle.
      const height = await page.evaluate('document.documentElement.scrollHeight');
      await page.setViewportSize({ width: screen.width, height: Math.max(screen.height, Number(height)) });
      await page.waitForTimeout(150);
    }
    await page.screenshot({ path });
  } finally {
    await context.close();
  }
};

export const pathOf = (directory: string, view: View, screen: Screen): string =>
  join(directory, `${view.name}-${screen.name}-${screen.theme}.png`);
