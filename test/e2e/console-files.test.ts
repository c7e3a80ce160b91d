import { createHash, randomBytes } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { barriersOf } from '../support/barriers-of.ts';
import { type Api, createApi, type FileObject, sha256 } from '../support/create-api.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { mp4 } from '../support/make-content.ts';
import { makePdf } from '../support/make-pdf.ts';
import { startMeteredProxy } from '../support/metered-proxy.ts';
import { openBrowser } from '../support/open-browser.ts';
import { type GatewayProcess, makeHome, startGateway } from '../support/start-gateway.ts';
import { type Providers, startProviders } from '../support/start-providers.ts';
import { until } from '../support/until.ts';
import { type ConsoleVisit, visitConsole } from '../support/visit-console.ts';

const MB = 2 ** 20;

const browser = await openBrowser();
let gateway: GatewayProcess;
let providers: Providers;
let api: Api;
let directory: string;
let files: ConsoleVisit;
let page: Page;

afterAll(async () => await browser?.close());

const openFiles = (url = gateway.url): Promise<ConsoleVisit> => {
  if (browser === null) throw new Error('There is no browser.');
  return visitConsole(browser, {
    url,
    token: gateway.token,
    path: '/files',
    viewport: { width: 1_440, height: 900 },
  });
};

/** A file to choose, with its digest. */
const makeFile = async (name: string, content: Buffer): Promise<{ path: string; digest: string }> => {
  const path = join(directory, name);
  await writeFile(path, content);
  return { path, digest: sha256(content) };
};

/** The same for one that is too large to be made in memory. */
const makeLargeFile = async (name: string, sizeMb: number): Promise<{ path: string; digest: string }> => {
  const path = join(directory, name);
  const hash = createHash('sha256');
  const file = await open(path, 'w');
  const piece = Buffer.concat([mp4(), randomBytes(MB)]).subarray(0, MB);
  for (let i = 0; i < sizeMb; i += 1) {
    hash.update(piece);
    await file.write(piece);
  }
  await file.close();
  return { path, digest: hash.digest('hex') };
};

/** Whether Golden Retriever has put the bytes of a file away. */
const HAS_KEPT_A_FILE = `new Promise((resolve) => {
  const opening = indexedDB.open('uppy-blobs');
  opening.onsuccess = () => {
    const keys = opening.result.transaction('files').objectStore('files').getAllKeys();
    keys.onsuccess = () => {
      opening.result.close();
      resolve(keys.result.length > 0);
    };
  };
})`;

/** It writes down what has changed twice a second at most. */
const HAS_KEPT_THAT_IT_GOES_ON = `new Promise((resolve) => {
  const opening = indexedDB.open('uppy-blobs');
  opening.onsuccess = () => {
    const states = opening.result.transaction('metadata').objectStore('metadata').getAll();
    states.onsuccess = () => {
      opening.result.close();
      resolve(states.result.some(({ metadata }) => metadata.includes('"isPaused":false')));
    };
  };
})`;

const choose = (on: Page, ...paths: string[]): Promise<void> =>
  on.locator('input[type=file]').first().setInputFiles(paths);

/** Sends chosen files; `where` is the name of a choice, or of providers. */
const send = async (on: Page, where: string | readonly string[]): Promise<void> => {
  if (typeof where === 'string') await on.getByRole('radio', { name: where }).check();
  else {
    await on.getByRole('radio', { name: 'These providers' }).check();
    for (const name of ['Kimi', 'GLM'])
      await on.getByRole('checkbox', { name: new RegExp(`^${name}`, 'u') }).setChecked(where.includes(name));
  }
  await on.getByRole('button', { name: /^Send \d+ files?$/u }).click();
};

const upload = (on: Page, name: string) =>
  on.getByRole('list', { name: 'Uploads' }).getByRole('listitem').filter({ hasText: name }).first();
const row = (on: Page, name: string) => on.getByRole('row').filter({ hasText: name });

const found = async (name: string): Promise<FileObject> => {
  const answer = await api.call('GET', `/v1/files?q=${encodeURIComponent(name)}`);
  const [file] = answer.json<{ data: FileObject[] }>().data;
  if (file === undefined) throw new Error(`There is no ${name}.`);
  return file;
};

describe.skipIf(browser === null)('the files of the console', () => {
  beforeAll(async () => {
    providers = await startProviders();
    gateway = await startGateway({ env: providers.env });
    api = createApi(gateway);
    directory = await makeHome();
    files = await openFiles();
    page = files.page;
  });

  beforeEach(async () => {
    for (const provider of [providers.kimi, providers.glm]) await provider.control('DELETE', '/faults');
  });

  it('are sent to the providers that are chosen, and seen until they are there', async () => {
    await page.getByText('No files yet').waitFor();
    const { path, digest } = await makeFile('report.pdf', makePdf('A report of one page'));
    await choose(page, path);
    await page.getByRole('radio', { name: 'These providers' }).check();
    expect(await page.getByRole('checkbox', { name: /^Kimi/u }).getAttribute('value')).toBe('kimi');
    await page
      .getByText(/Files up to 100 MB, room for/u)
      .first()
      .waitFor();
    await send(page, ['Kimi', 'GLM']);
    await upload(page, 'report.pdf').getByText('Arrived').waitFor();
    for (const state of ['Kimi: ready', 'GLM: ready'])
      await row(page, 'report.pdf').getByText(state).waitFor();
    expect(await found('report.pdf')).toMatchObject({ status: 'processed', sha256: digest });
    await upload(page, 'report.pdf').getByRole('link', { name: 'report.pdf' }).click();
    await page.getByRole('dialog', { name: 'report.pdf' }).getByText(digest).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Clear finished' }).click();
  });

  it('are counted at the address that the gateway prints, also in a browser of no known language', async () => {
    const [, address = ''] = /Console\s+(\S+)/u.exec(gateway.output()) ?? [];
    const context = await browser?.newContext();
    const visit = await context?.newPage();
    await visit?.addInitScript(
      "Object.defineProperty(navigator, 'language', { value: 'en-US@posix', configurable: true })",
    );
    await visit?.goto(address);
    await visit?.getByRole('heading', { name: 'Uploads' }).waitFor();
    await visit?.locator('canvas').first().waitFor();
    expect(visit?.url()).toBe(`${gateway.url}/`);
    await context?.close();
  });

  it('go on after a pause and a reload of the page, and no byte is sent twice', async () => {
    const { path, digest } = await makeLargeFile('large.mp4', 200);
    const proxy = await startMeteredProxy(gateway.url);
    const { page: slow, close } = await openFiles(proxy.url);
    await choose(slow, path);
    const before = proxy.passedBytes();
    proxy.limit(60 * MB);
    await send(slow, 'Keep here only');
    await until('a part has gone', () => proxy.passedBytes() - before >= 59 * MB);
    await slow.getByRole('button', { name: 'Pause large.mp4' }).click();
    await upload(slow, 'large.mp4')
      .getByText(/^Paused at/u)
      .waitFor();
    proxy.limit(60 * MB);
    await slow.getByRole('button', { name: 'Resume large.mp4' }).click();
    await until('another part has gone', () => proxy.passedBytes() - before >= 115 * MB);
    await until('the browser keeps the bytes', () => slow.evaluate<boolean>(HAS_KEPT_A_FILE));
    await until('and that it goes on', () => slow.evaluate<boolean>(HAS_KEPT_THAT_IT_GOES_ON));
    // The page itself comes the same way, which is closed when the upload has used the limit up.
    // By drops, then: it gets through between what the old page sends, which cannot come to its end before.
    const drops = setInterval(() => proxy.limit(MB / 4), 50);
    await slow.reload({ waitUntil: 'commit' }).finally(() => clearInterval(drops));
    proxy.limit(Number.POSITIVE_INFINITY);
    await upload(slow, 'large.mp4').getByText('Arrived').waitFor();
    expect(await found('large.mp4')).toMatchObject({ bytes: 200 * MB, sha256: digest });
    expect(proxy.passedBytes() - before).toBeLessThan(205 * MB);
    await close();
  });

  it('go on by themselves when the connection breaks', async () => {
    const { path, digest } = await makeLargeFile('broken-off.mp4', 40);
    const proxy = await startCuttingProxy(gateway.url);
    const { page: cut, close } = await openFiles(proxy.url);
    await choose(cut, path);
    await cut.getByRole('button', { name: 'Send 1 file' }).waitFor();
    const before = proxy.carriedBytes();
    proxy.cutAfter(15 * MB);
    await send(cut, 'Keep here only');
    await upload(cut, 'broken-off.mp4').getByText('Arrived').waitFor();
    expect(proxy.cutsLeft()).toBe(0);
    expect(await found('broken-off.mp4')).toMatchObject({ sha256: digest });
    expect(proxy.carriedBytes() - before).toBeLessThan(55 * MB);
    await close();
  });

  it('wait while nobody is signed in, and go on after', async () => {
    const { path, digest } = await makeLargeFile('two-sessions.mp4', 30);
    const proxy = await startMeteredProxy(gateway.url);
    const { page: left, close } = await openFiles(proxy.url);
    await choose(left, path);
    const before = proxy.passedBytes();
    proxy.limit(10 * MB);
    await send(left, 'Keep here only');
    await until('a part has gone', () => proxy.passedBytes() - before >= 9 * MB);
    await left.getByRole('button', { name: 'Sign out' }).first().click();
    proxy.limit(Number.POSITIVE_INFINITY);
    await left.getByLabel('Token').first().fill(gateway.token);
    await left.getByRole('button', { name: 'Sign in' }).click();
    await left.getByRole('link', { name: 'Files', exact: true }).click();
    await upload(left, 'two-sessions.mp4').getByText('Arrived').waitFor();
    expect(await found('two-sessions.mp4')).toMatchObject({ sha256: digest });
    await close();
  });

  it('show why a provider failed, and are delivered again', async () => {
    const body = { error: { message: 'these words are not to our taste', type: 'invalid_request_error' } };
    await providers.kimi.fault('status', { on: 'upload', status: 400, body });
    const { path } = await makeFile('disliked.txt', Buffer.from('Words that are disliked.'));
    await choose(page, path);
    await send(page, ['Kimi']);
    await row(page, 'disliked.txt').getByText('Kimi: failed').waitFor();
    await row(page, 'disliked.txt').getByRole('link').click();
    const sheet = page.getByRole('dialog', { name: 'disliked.txt' });
    await sheet.getByText('these words are not to our taste').first().waitFor();
    await sheet.getByRole('button', { name: 'Deliver again' }).click();
    await page.getByRole('button', { name: 'Deliver to Kimi' }).click();
    await sheet.getByText('Ready', { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await row(page, 'disliked.txt').getByText('Kimi: ready').waitFor();
    expect(await found('disliked.txt')).toMatchObject({ status: 'processed' });
  });

  it('are flagged before they are refused, and refused with the reason', async () => {
    const { path } = await makeFile(
      'setup.exe',
      Buffer.concat([Buffer.from('4d5a9000', 'hex'), Buffer.alloc(600)]),
    );
    await choose(page, path);
    await page.getByText(/Will be refused: .*does not take \.exe files/u).waitFor();
    await send(page, 'Choose for me');
    const refused = upload(page, 'setup.exe');
    await refused.getByText('no_provider_accepts').waitFor();
    await refused.getByRole('button', { name: 'Send setup.exe another way' }).click();
    await send(page, 'Keep here only');
    await refused.getByText('type_not_allowed').waitFor();
    await refused.getByRole('button', { name: 'Cancel setup.exe' }).click();
    await refused.waitFor({ state: 'detached' });
  });

  it('are found by name and by what is true of them', async () => {
    await page.getByRole('searchbox', { name: 'Search by name' }).fill('PORT');
    await row(page, 'disliked.txt').waitFor({ state: 'detached' });
    await row(page, 'report.pdf').waitFor();
    await page.getByRole('button', { name: 'Clear', exact: true }).click();
    await page.getByRole('combobox', { name: 'Provider' }).selectOption('glm');
    await row(page, 'disliked.txt').waitFor({ state: 'detached' });
    await row(page, 'report.pdf').waitFor();
    await page.getByRole('combobox', { name: 'Status' }).selectOption('error');
    await page.getByText('No file is like that').waitFor();
    await page.getByRole('button', { name: 'Clear the filters' }).click();
    await row(page, 'disliked.txt').waitFor();
  });

  it('are looked into by keyboard, and the focus comes back', async () => {
    const link = row(page, 'disliked.txt').getByRole('link');
    await link.focus();
    await page.keyboard.press('Enter');
    const sheet = page.getByRole('dialog', { name: 'disliked.txt' });
    await sheet.getByText('Words that are disliked.').waitFor();
    await sheet.getByText('Text from Kimi').click();
    await sheet
      .getByRole('region', { name: 'Text that Kimi has read' })
      .getByText('Words that are')
      .waitFor();
    await page.keyboard.press('Escape');
    await sheet.waitFor({ state: 'detached' });
    expect(await page.evaluate<string>('document.activeElement.textContent')).toBe('disliked.txt');
    const downloading = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download disliked.txt' }).click();
    expect((await downloading).suggestedFilename()).toBe('disliked.txt');
  });

  it('are deleted with the proof that nobody has them any more', async () => {
    const { digest } = await makeFile('report.pdf', makePdf('A report of one page'));
    await page.getByRole('button', { name: 'Delete report.pdf' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('This cannot be undone').waitFor();
    await dialog.getByRole('button', { name: 'Delete for good' }).click();
    await expect.poll(() => dialog.getByText('Confirmed: its copy is gone').count()).toBe(2);
    await dialog.getByRole('button', { name: 'Done' }).click();
    await row(page, 'report.pdf').waitFor({ state: 'detached' });
    for (const provider of [providers.kimi, providers.glm])
      expect((await provider.state()).files.filter((file) => file.sha256 === digest)).toEqual([]);
  });

  it('C26 are shown under whatever name as text', async () => {
    const names = ['<img src=x onerror=alert(1)>.txt', '=cmd()|calc.csv', 'a\u202etxt.fdp'];
    for (const name of names) await api.upload({ filename: name, text: 'a,b', query: 'provider=none' });
    await row(page, '<img src=x onerror=alert(1)>.txt').waitFor();
    await row(page, '=cmd()|calc.csv').waitFor();
    expect(await page.locator('img[src=x]').count()).toBe(0);
    // Not from the disk: where no locale is set, the browser cannot read such a name there.
    const chosen = { name: 'invoice\u202efdp.txt', mimeType: 'text/plain', buffer: Buffer.from('text') };
    await page.locator('input[type=file]').first().setInputFiles(chosen);
    await page.getByRole('list', { name: 'Chosen files' }).getByText('invoice\ufffdfdp.txt').waitFor();
    await page.getByRole('button', { name: 'Take all out' }).click();
  });

  it.each(['light', 'dark'] as const)(
    'have no barriers that axe knows, %s, on a desk and on a phone',
    async (theme) => {
      await page.emulateMedia({ colorScheme: theme });
      const { path } = await makeFile('setup.exe', Buffer.alloc(10, 'MZ'));
      for (const width of [1440, 390]) {
        await page.setViewportSize({ width, height: 900 });
        await choose(page, path);
        await page.getByRole('radio', { name: 'These providers' }).check();
        expect(await barriersOf(page), `list, ${width}`).toEqual([]);
        await page.getByRole('button', { name: 'Take all out' }).click();
        await row(page, 'disliked.txt').getByRole('link').click();
        await page.getByRole('dialog').getByText('Words that are disliked.').waitFor();
        expect(await barriersOf(page), `details, ${width}`).toEqual([]);
        await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
        await page.getByText('This cannot be undone').waitFor();
        expect(await barriersOf(page), `delete, ${width}`).toEqual([]);
        await page.getByRole('button', { name: 'Keep' }).click();
        await page.keyboard.press('Escape');
      }
    },
  );

  it('do nothing that the policy of the page forbids, and fail nowhere unseen', () => {
    // What the gateway refuses, the browser notes too.
    expect(files.faults().filter((fault) => !fault.startsWith('Failed to load resource'))).toEqual([]);
  });
});
