import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { barriersOf } from '../support/barriers-of.ts';
import { openBrowser } from '../support/open-browser.ts';
import { randomText } from '../support/random-text.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { type Providers, startProviders } from '../support/start-providers.ts';
import { until } from '../support/until.ts';
import { type ConsoleVisit, goTo, visitConsole } from '../support/visit-console.ts';

const SCRIPT_BUDGET_BYTES = 200 * 1_024;
/** `--page` of the dark theme. */
const DARK = 'rgb(17, 19, 18)';
const PHONE = { width: 390, height: 844 };

const browser = await openBrowser();
let gateway: GatewayProcess;
let providers: Providers;
let admin: string;
let user: string;
const opened: ConsoleVisit[] = [];

beforeAll(async () => {
  providers = await startProviders();
  gateway = await startGateway({
    env: { JWT_SECRET_KEY: JWT_SECRET, ...providers.env, KIMI_MAX_FILES: '50' },
  });
  admin = await signToken({ sub: 'dana', scope: 'files:read files:write admin' });
  user = await signToken({ sub: 'robin' });
}, 120_000);

afterAll(async () => {
  await Promise.all(opened.splice(0).map((page) => page.close()));
  await browser?.close();
});

const call = async (path: string, { token = admin, ...init }: RequestInit & { token?: string } = {}) => {
  const headers = { ...init.headers, authorization: `Bearer ${token}` };
  const answer = await fetch(new URL(path, gateway.url), { ...init, headers });
  expect(answer.ok, `${path}: ${answer.status}`).toBe(true);
  return (await answer.json()) as Record<string, unknown>;
};

const upload = (filename: string, { token = admin, provider = 'kimi' } = {}) =>
  call(`/v1/files?filename=${filename}&provider=${provider}`, {
    method: 'PUT',
    token,
    body: new Uint8Array(randomText(4_000)),
  });

const open = async (path: string, options: object = {}): Promise<ConsoleVisit> => {
  if (browser === null) throw new Error('There is no browser.');
  const page = await visitConsole(browser, { url: gateway.url, token: admin, path, ...options });
  opened.push(page);
  return page;
};

const done = async (console: ConsoleVisit): Promise<void> => {
  expect(console.faults()).toEqual([]);
  await console.close();
};

describe.skipIf(browser === null)('the pages of the console', () => {
  it('tell who has sent nothing yet what to do, also with a token in the line that is copied', async () => {
    const console = await open('/', { token: user, permissions: ['clipboard-read', 'clipboard-write'] });
    const { page } = console;
    await page.getByRole('heading', { name: 'Send your first file' }).waitFor();
    await page.getByRole('button', { name: 'Copy: curl' }).click();
    await page.getByText('Copied', { exact: true }).waitFor({ state: 'attached' });
    const copied = await page.evaluate<string>('navigator.clipboard.readText()');
    expect(copied).toContain(`curl ${gateway.url}/v1/files`);
    expect(copied).toContain(user);
    expect(await page.locator('pre').innerText()).not.toContain(user);
    expect(await page.getByRole('link', { name: 'Upkeep' }).count()).toBe(0);
    await done(console);
  });

  it('load less script at first than the budget, compressed, and nothing twice', async () => {
    if (browser === null) throw new Error('There is no browser.');
    const context = await browser.newContext({ locale: 'en-GB' });
    const page = await context.newPage();
    const client = await context.newCDPSession(page);
    await client.send('Network.enable');
    const scripts = new Map<string, number>();
    const names = new Map<string, string>();
    client.on('Network.responseReceived', ({ requestId, response }) => {
      if (new URL(response.url).pathname.endsWith('.js')) names.set(requestId, response.url);
    });
    client.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      const name = names.get(requestId);
      if (name !== undefined) scripts.set(name, encodedDataLength);
    });
    await page.goto(`${gateway.url}/#token=${admin}`);
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    // The last part, which comes once somebody has signed in: what sends files.
    await until('every script is there', () => {
      const isUploading = [...scripts.keys()].some((name) => name.includes('create-uploads'));
      return isUploading && scripts.size === names.size;
    });
    const total = [...scripts.values()].reduce((sum, bytes) => sum + bytes, 0);
    expect(scripts.size).toBeGreaterThan(1);
    expect(total).toBeLessThan(SCRIPT_BUDGET_BYTES);
    process.stdout.write(`First load: ${total} bytes of script in ${scripts.size} files.\n`);
    await context.close();
  });

  it('show an admin what goes through the gateway, in charts that can be read as tables', async () => {
    await upload('quarterly-report.txt');
    await providers.glm.fault('status', { on: 'upload', status: 400 });
    const failing = fetch(new URL('/v1/files?filename=refused.txt&provider=glm', gateway.url), {
      method: 'PUT',
      headers: { authorization: `Bearer ${admin}` },
      body: new Uint8Array(randomText(3_000)),
    });
    expect((await failing).status).toBe(422);
    const console = await open('/');
    const { page } = console;
    const figures = page.locator('dl').first();
    await figures.getByText('1 arrived, 1 failed').waitFor();
    expect(await figures.innerText()).toContain('2 files');
    await page.getByText('One of your files was not taken by any provider.').waitFor();
    await page.getByRole('link', { name: 'quarterly-report.txt' }).waitFor();
    const chart = page.getByRole('img', { name: /Chart: Uploads\. Files: 2/u });
    await chart.locator('canvas').waitFor();
    await page.getByRole('button', { name: 'Show Uploads as a table' }).click();
    const table = page.getByRole('region', { name: 'Uploads, as a table' });
    expect(await table.getByRole('row').count()).toBeGreaterThan(1);
    await page.getByText('6 hours').click();
    await page.getByRole('radio', { name: '6 hours', checked: true }).waitFor();
    await done(console);
  });

  it('follow what happens without being loaded again', async () => {
    const console = await open('/', { token: user });
    await upload('just-now.txt', { token: user });
    await console.page.getByRole('link', { name: 'just-now.txt' }).waitFor();
    await console.page.getByText('Delivered', { exact: true }).waitFor();
    await done(console);
  });

  it('tell of each provider in words: its health, its limits, and how full it is', async () => {
    const console = await open('/providers', { token: user });
    const kimi = console.page.getByRole('region', { name: 'Kimi' });
    const text = await kimi.innerText();
    expect(text).toContain('Available');
    expect(text).toMatch(/of 50\b/u);
    expect(text).toContain('Up to 100 MB');
    expect(text).toContain('file-extract');
    expect(await kimi.getByRole('progressbar', { name: 'Files there used' }).count()).toBe(1);
    expect(await kimi.getByRole('link', { name: /documentation/u }).getAttribute('rel')).toBe('noreferrer');
    await done(console);
  });

  it('look before they clean up or repair, and ask with the numbers', async () => {
    await upload('old-notes.txt');
    const { id } = await upload('lost-at-the-provider.txt');
    const [copy] = (await providers.kimi.state()).files.filter(({ filename }) =>
      filename.startsWith('lost-'),
    );
    await providers.kimi.control('DELETE', `/files/${copy?.id}`);
    await gateway.query("update waybill.provider_file_uploads set updated_at = now() - interval '1 hour'");
    await gateway.query(
      "update waybill.files set created_at = now() - interval '40 days' where filename = $1",
      ['old-notes.txt'],
    );
    const console = await open('/upkeep');
    const { page } = console;

    const reconciliation = page.getByRole('region', { name: 'Reconciliation', exact: true });
    await reconciliation.getByRole('button', { name: 'Dry run' }).click();
    await reconciliation
      .getByText('Dry run: 1 missing copy is delivered again. Nothing is changed yet.')
      .waitFor();
    await reconciliation.getByText('Examples at Kimi').click();
    await reconciliation.getByText(String(copy?.id), { exact: true }).waitFor();
    await reconciliation.getByRole('button', { name: 'Repair' }).click();
    const question = page.getByRole('dialog', { name: 'Repair now?' });
    await question.getByText('1 missing copy is delivered again').waitFor();
    await question.getByRole('button', { name: 'Repair' }).click();
    await reconciliation.getByText('Done: 1 missing copy is delivered again.').waitFor();
    await until('the copy is there again', async () => {
      const { deliveries } = (await call(`/v1/files/${id}`)) as { deliveries: { status: string }[] };
      return deliveries[0]?.status === 'completed';
    });

    const cleanup = page.getByRole('region', { name: 'Cleanup', exact: true });
    await cleanup.getByRole('button', { name: 'Dry run' }).click();
    await cleanup.getByText(/Dry run: 1 file \(/u).waitFor();
    await cleanup.getByRole('button', { name: 'Clean up' }).click();
    const warning = page.getByRole('dialog', { name: 'Clean up now?' });
    await warning.getByRole('button', { name: 'Cancel' }).click();
    await warning.waitFor({ state: 'detached' });
    await cleanup.getByRole('button', { name: 'Clean up' }).click();
    await warning.getByRole('button', { name: 'Clean up' }).click();
    await cleanup.getByText(/Done: 1 file \(/u).waitFor();
    await done(console);
  });

  it('explain a pass that stopped itself, and go through with it only after a warning', async () => {
    await upload('older-notes.txt', { token: user });
    await gateway.query(
      "update waybill.files set created_at = now() - interval '40 days' where filename = 'older-notes.txt'",
    );
    await gateway.query("update waybill.retention_witness set at = now() - interval '20 days'");
    const console = await open('/upkeep');
    const { page } = console;
    const cleanup = page.getByRole('region', { name: 'Cleanup', exact: true });
    await cleanup.getByRole('button', { name: 'Dry run' }).click();
    await cleanup.getByText(/It stopped itself/u).waitFor();
    await cleanup.getByRole('button', { name: 'Run it all the same' }).click();
    const warning = page.getByRole('dialog', { name: 'Clean up now?' });
    await warning.getByText(/keep you from losing files by mistake/u).waitFor();
    await warning.getByRole('button', { name: 'Clean up all the same' }).click();
    await cleanup.getByText(/Done: \d+ files? \(/u).waitFor();
    await done(console);
  });

  it('let an admin read and set the quota of another user', async () => {
    const console = await open('/account');
    const { page } = console;
    await page.getByRole('textbox', { name: 'User' }).fill('robin');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByRole('spinbutton', { name: 'Limit in GB' }).fill('2.5');
    await page.getByRole('spinbutton', { name: 'Limit in files' }).fill('77');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('The quota of robin is saved.').waitFor();
    const { bytes, files } = (await call('/v1/quotas/robin')) as Record<string, { limit: number }>;
    expect([bytes?.limit, files?.limit]).toEqual([2.5 * 2 ** 30, 77]);
    await done(console);
  });

  it('keep the theme that was chosen, move the focus to the heading, and name the tab', async () => {
    const console = await open('/account', { colorScheme: 'light' });
    const { page } = console;
    await page.getByText('Dark', { exact: true }).click();
    const ground = () => page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor');
    await until('the page is dark', async () => (await ground()) === DARK);
    await page.reload();
    await page.getByRole('heading', { name: 'Account' }).waitFor();
    expect(await ground()).toBe(DARK);
    await page.getByRole('link', { name: 'Providers' }).click();
    await page.getByRole('heading', { name: 'Providers', level: 1 }).waitFor();
    await until('the heading has the focus', () =>
      page.evaluate<boolean>("document.activeElement.tagName === 'H1'"),
    );
    expect(await page.title()).toBe('Providers · Waybill');
    await done(console);
  });

  it.each([
    ['light', 1_280],
    ['dark', 1_280],
    ['light', PHONE.width],
  ] as const)(
    'are accessible by WCAG 2.2 AA, %s, %i pixels wide, and not wider than that',
    async (colorScheme, width) => {
      await upload('something-to-show.txt');
      const console = await open('/', { colorScheme, viewport: { width, height: PHONE.height } });
      const { page } = console;
      for (const path of ['/', '/files', '/providers', '/upkeep', '/account']) {
        if (path !== '/') await goTo(page, path);
        else await page.locator('canvas').first().waitFor();
        expect(await barriersOf(page), `${path} ${colorScheme} ${width}`).toEqual([]);
        expect(await page.evaluate<number>('document.documentElement.scrollWidth'), path).toBeLessThanOrEqual(
          width,
        );
      }
      await done(console);
    },
  );

  it('say that the gateway is gone, and that it is back', async () => {
    const console = await open('/providers');
    const { page } = console;
    const { home, url } = gateway;
    await gateway.stop();
    await page.getByText('The gateway cannot be reached.').waitFor();
    const env = { JWT_SECRET_KEY: JWT_SECRET, ...providers.env, PORT: new URL(url).port };
    gateway = await startGateway({ home, env });
    await page.getByText('The gateway is back.').waitFor();
    await page.getByText('The gateway cannot be reached.').waitFor({ state: 'detached' });
    await console.close();
  });
});
