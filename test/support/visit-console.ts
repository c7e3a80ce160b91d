import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

/** A visit to the console, in a browser profile of its own. */
export interface ConsoleVisit {
  readonly page: Page;
  /** What went wrong in the page so far: what it logged as errors, did not catch, and what its policy refused. */
  faults(): readonly string[];
  close(): Promise<void>;
}

/** Before any script of the page: what its policy refuses are events, and no errors of the page. */
const WATCH_POLICY = `addEventListener('securitypolicyviolation', (event) =>
  console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI))`;

export interface VisitOptions extends BrowserContextOptions {
  readonly url: string;
  /** Default: nobody is signed in. */
  readonly token?: string;
  /** After the `#`. */
  readonly path?: string;
}

/** Opens a page of the console. The caller closes the visit. */
export const visitConsole = async (
  browser: Browser,
  { url, token, path = '/', ...options }: VisitOptions,
): Promise<ConsoleVisit> => {
  const context = await browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce', ...options });
  await context.addInitScript(WATCH_POLICY);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  page.on('pageerror', (error) => void faults.push(String(error)));
  await page.goto(token === undefined ? `${url}/` : `${url}/#token=${token}`);
  await page.locator('h1').waitFor();
  if (path !== '/') await goTo(page, path);
  return { page, faults: () => faults, close: () => context.close() };
};

/** Goes to another page of the console, and waits until it shows what it has. */
export const goTo = async (page: Page, path: string): Promise<void> => {
  await page.evaluate(`location.hash = ${JSON.stringify(path)}`);
  await page.locator(`nav a[aria-current="page"][href="#${path}"]`).waitFor();
  await page.locator('#main h1').waitFor();
  await page.locator('[class*="_loading_"]').first().waitFor({ state: 'detached' });
};
